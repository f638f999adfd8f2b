package graph_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

const createKey = `mutation($input: CreateApiKeyInput!) {
	createApiKey(input: $input) {
		apiKey { id role scope hint expiresAt lastUsedAt revokedAt affiliate { id } advertiser { id } createdBy { id } }
		secret
		userErrors { code field }
	}
}`

func TestWhoMakesWhichKeys(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	staff, asStaff := m.staffUser("max@network.example", "ADMIN")
	aKey := proofback.Actor{Role: proofback.RoleAdmin, APIKeyID: uuid.New()}
	for _, tt := range []struct {
		name  string
		actor proofback.Actor
		input vars
		want  string
	}{
		{"an admin the network's", asStaff, vars{"name": "CRM", "role": "ADMIN", "scope": "WRITE"}, ""},
		{"a manager an admin's", manager, vars{"name": "CRM", "role": "ADMIN"}, "FORBIDDEN"},
		{"a manager a partner's", manager, vars{"name": "CRM", "role": "AFFILIATE", "affiliateId": m.blog}, ""},
		{"staff no role", manager, vars{"name": "CRM"}, "BAD_USER_INPUT role"},
		{"a role that does not fit", admin, vars{"name": "CRM", "role": "AFFILIATE", "advertiserId": m.shop}, "BAD_USER_INPUT role"},
		{"a partner its own", m.asBlog, vars{"name": "CRM"}, ""},
		{"a partner its own, named", m.asShop, vars{"name": "CRM", "role": "ADVERTISER", "advertiserId": m.shop}, ""},
		{"a partner another's", m.asBlog, vars{"name": "CRM", "affiliateId": m.rival}, "FORBIDDEN"},
		{"a partner staff's", m.asBlog, vars{"name": "CRM", "role": "ADMIN"}, "FORBIDDEN"},
		{"a key another key", aKey, vars{"name": "CRM", "role": "MANAGER"}, "FORBIDDEN"},
		{"nobody", nobody, vars{"name": "CRM", "role": "MANAGER"}, "UNAUTHENTICATED"},
		{"no name", admin, vars{"name": " ", "role": "MANAGER"}, "BAD_USER_INPUT name"},
		{"over already", admin, vars{"name": "CRM", "role": "MANAGER", "expiresAt": time.Now().Add(-time.Hour)}, "BAD_USER_INPUT expiresAt"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := m.do(tt.actor, createKey, vars{"input": tt.input})
			said := got.code()
			if said == "" {
				said = got.mistake("createApiKey")
			}
			if said != tt.want {
				t.Errorf("got %q, want %q: %+v", said, tt.want, got)
			}
			if tt.want == "" && !strings.HasPrefix(got.id("createApiKey", "secret"), "pbk_") {
				t.Errorf("got %+v", got)
			}
		})
	}
	got := m.do(asStaff, `{ apiKeys { edges { node { createdBy { id } affiliate { id } role scope } } } }`, nil)
	if list := got.at("apiKeys", "edges").([]any); len(list) != 4 {
		t.Errorf("got %v", list)
	}
	if first := got.at("apiKeys", "edges", 3, "node").(map[string]any); first["scope"] != "WRITE" || first["createdBy"].(map[string]any)["id"] != staff {
		t.Errorf("got %v", first)
	}
	for actor, want := range map[proofback.Actor]int{m.asBlog: 2, m.asShop: 1, m.asRival: 0} {
		if list := m.do(actor, `{ apiKeys { edges { node { id } } } }`, nil).at("apiKeys", "edges").([]any); len(list) != want {
			t.Errorf("%s: got %v", actor.Role, list)
		}
	}
}

func TestAKeyIsEndedByItsCompany(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	made := m.do(m.asBlog, createKey, vars{"input": vars{"name": "CRM"}})
	id, secret := made.id("createApiKey", "apiKey", "id"), made.id("createApiKey", "secret")
	if hint := made.id("createApiKey", "apiKey", "hint"); !strings.HasSuffix(secret, hint) || len(hint) != 4 {
		t.Errorf("the hint is %q", hint)
	}
	const (
		update = `mutation($input: UpdateApiKeyInput!) { updateApiKey(input: $input) { apiKey { name expiresAt } userErrors { code field } } }`
		revoke = `mutation($input: RevokeApiKeyInput!) { revokeApiKey(input: $input) { apiKey { revokedAt } userErrors { code field } } }`
	)
	for _, actor := range []proofback.Actor{m.asRival, m.asShop} {
		if got := m.do(actor, revoke, vars{"input": vars{"id": id}}); got.mistake("revokeApiKey") != "NOT_FOUND id" {
			t.Errorf("%s: got %+v", actor.Role, got)
		}
	}
	soon := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	for _, expires := range []any{soon, nil} {
		got := m.do(m.asBlog, update, vars{"input": vars{"id": id, "name": "New", "expiresAt": expires}})
		if got.at("updateApiKey", "apiKey", "expiresAt") != expires || got.at("updateApiKey", "apiKey", "name") != "New" {
			t.Errorf("got %v %+v", got.Data, got.Errors)
		}
	}
	used, err := m.store.UseAPIKey(t.Context(), proofback.System(), secret)
	if err != nil || used.AffiliateID != m.asBlog.AffiliateID || !used.ReadOnly || used.APIKeyID == uuid.Nil {
		t.Errorf("got %+v, %v", used, err)
	}
	if got := m.do(used, `{ viewer { role apiKey { name lastUsedAt } } }`, nil); got.at("viewer", "apiKey", "lastUsedAt") == nil {
		t.Errorf("got %v %+v", got.Data, got.Errors)
	}
	if got := m.do(used, revoke, vars{"input": vars{"id": id}}); got.code() != "FORBIDDEN" {
		t.Errorf("got %+v", got)
	}
	if got := m.do(m.asBlog, revoke, vars{"input": vars{"id": id}}); got.at("revokeApiKey", "apiKey", "revokedAt") == nil {
		t.Errorf("got %v %+v", got.Data, got.Errors)
	}
	if _, err := m.store.UseAPIKey(t.Context(), proofback.System(), secret); proofback.CodeOf(err) != proofback.CodeUnauthenticated {
		t.Errorf("it is good still: %v", err)
	}
}

// TestAReadingKeyChangesNothing calls every mutation with one that may only read.
func TestAReadingKeyChangesNothing(t *testing.T) {
	t.Parallel()
	w := newTenants(t)
	g := &generator{t: t, schema: loadSchema(t), about: w.own, selected: map[string]bool{}}
	actor := admin
	actor.APIKeyID, actor.ReadOnly = uuid.New(), true
	for _, f := range g.schema.Mutation.Fields {
		for _, op := range g.operations(g.schema.Mutation, f) {
			if got, _ := w.raw(actor, op); got.code() != "FORBIDDEN" {
				t.Errorf("%s: got %+v", op.field, got)
			}
		}
	}
	if _, err := w.store.CreateAffiliate(t.Context(), actor, proofback.Affiliate{Name: "X"}); proofback.CodeOf(err) != proofback.CodeForbidden {
		t.Errorf("past the API: %v", err)
	}
}
