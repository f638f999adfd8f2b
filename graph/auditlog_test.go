package graph_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/proofback/proofback"
)

// elsewhere are the mutations that package auth carries out, or that take what was made
// before; their entries are tested there.
var elsewhere = []string{
	"signIn", "refreshSession", "acceptInvitation", "requestPasswordReset", "resetPassword", "changePassword",
	"resendInvitation", "confirmTotp", "disableTotp",
}

// TestEveryMutationLeavesAnEntry calls each mutation of the schema as an ADMIN, in each
// of the ways that are made of the schema: once it is carried out, the audit log tells
// of it, with whom and what, and without it nothing is told.
func TestEveryMutationLeavesAnEntry(t *testing.T) {
	t.Parallel()
	w := newTenants(t)
	g := &generator{t: t, schema: loadSchema(t), about: w.own, selected: map[string]bool{}}
	_, me := w.staffUser("max@network.example", "ADMIN")
	mutations := slices.Clone(g.schema.Mutation.Fields)
	last := func(f *ast.FieldDefinition) bool { return strings.HasPrefix(f.Name, "archive") } // what is put away can do nothing any more
	slices.SortStableFunc(mutations, func(a, b *ast.FieldDefinition) int {
		if last(a) == last(b) {
			return 0
		} else if last(a) {
			return 1
		}
		return -1
	})
	for _, f := range mutations {
		if slices.Contains(elsewhere, f.Name) {
			continue
		}
		told := false
		for i, op := range g.operations(g.schema.Mutation, f) {
			me.RequestID = fmt.Sprint(f.Name, i)
			_, text := w.raw(me, op)
			refused := strings.Contains(text, `"userErrors":[{`) || strings.Contains(text, `"errors":[`)
			entries := w.entriesOf(me.RequestID)
			if refused != (len(entries) == 0) && !strings.Contains(text, `"field":["ids"`) {
				t.Errorf("%s: %d entries after %.400s", op.field, len(entries), text)
			}
			for _, e := range entries {
				told = true
				if e.Operation != f.Name || e.UserID != me.UserID || e.Role != proofback.RoleAdmin {
					t.Errorf("%s: got %+v", op.field, e)
				}
			}
		}
		if !told {
			t.Errorf("%s leaves no entry", f.Name)
		}
	}
}

// entriesOf are the audit log's of a request.
func (a *api) entriesOf(request string) []*proofback.AuditEntry {
	a.t.Helper()
	window, err := a.store.AuditLog(a.t.Context(), admin, proofback.AuditLogFilter{RequestID: request}, proofback.Page{Limit: 100})
	if err != nil {
		a.t.Fatal(err)
	}
	return window.Items
}

const auditLog = `query($filter: AuditLogFilter, $first: Int) {
	auditLog(first: $first, filter: $filter) {
		edges { node { operation role requestId user { email } apiKey { name } affiliate { id } changes { type objectId fields { name before after } } } }
		pageInfo { hasNextPage }
	}
}`

func TestTheAuditLogTellsBeforeAndAfter(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	_, me := m.staffUser("max@network.example", "ADMIN")
	me.RequestID = "r1"
	m.do(me, `mutation($id: ID!) { updateAffiliate(input: {id: $id, name: "New blog"}) { affiliate { id } } }`, vars{"id": m.blog})
	got := m.do(admin, auditLog, vars{"filter": vars{"objectId": m.blog}, "first": 1})
	want := map[string]any{
		"operation": "updateAffiliate", "role": "ADMIN", "requestId": "r1", "user": vars{"email": "max@network.example"}, "apiKey": nil, "affiliate": nil,
		"changes": []any{vars{"type": "Affiliate", "objectId": m.blog, "fields": []any{vars{"name": "name", "before": `"Blog"`, "after": `"New blog"`}}}},
	}
	if diff := cmp.Diff(want, got.at("auditLog", "edges", 0, "node")); diff != "" {
		t.Error(diff)
	}
	for name, filter := range map[string]vars{
		"by another request": {"requestId": "r2"}, "by another operation": {"operations": []string{"createUser"}, "requestId": "r1"},
		"by another user": {"userId": proofback.GlobalID(proofback.KindUser, m.asBlog.AffiliateID)}, "before it": {"requestId": "r1", "to": "2020-01-01T00:00:00Z"},
	} {
		if list := m.do(admin, auditLog, vars{"filter": filter}).at("auditLog", "edges").([]any); len(list) != 0 {
			t.Errorf("%s: got %v", name, list)
		}
	}
	for _, actor := range []proofback.Actor{manager, m.asBlog, m.asShop} {
		if got := m.do(actor, auditLog, nil); got.code() != "FORBIDDEN" {
			t.Errorf("%s: got %+v", actor.Role, got)
		}
	}
}

func TestTheAuditLogTellsWhichKeyActed(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	secret := m.do(m.asBlog, createKey, vars{"input": vars{"name": "CRM", "scope": "WRITE"}}).id("createApiKey", "secret")
	actor, err := m.store.UseAPIKey(t.Context(), proofback.System(), secret)
	if err != nil {
		t.Fatal(err)
	}
	m.must(actor, "CreateTrackingLink", vars{"input": vars{"offerId": m.public}})
	got := m.do(admin, auditLog, vars{"first": 1}).at("auditLog", "edges", 0, "node").(map[string]any)
	if got["operation"] != "createTrackingLink" || got["user"] != nil || got["apiKey"].(map[string]any)["name"] != "CRM" || got["affiliate"].(map[string]any)["id"] != m.blog {
		t.Errorf("got %v", got)
	}
}

// TestTheAuditLogHoldsNoSecret reads the log after every mutation that makes one.
func TestTheAuditLogHoldsNoSecret(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	endpoint := m.must(m.asBlog, "CreateAffiliatePostback", vars{"input": vars{"urlTemplate": "https://blog.example/?s={status}"}})
	id := endpoint.id("createAffiliatePostback", "affiliatePostback", "id")
	secrets := []string{
		"long enough", "argon2",
		endpoint.id("createAffiliatePostback", "secret"),
		m.do(m.asBlog, rotate, vars{"input": vars{"id": id, "keepOldFor": 5}}).id("rotateAffiliatePostbackSecret", "secret"),
		m.must(admin, "RotateAdvertiserSecret", vars{"input": vars{"id": m.shop}}).id("rotateAdvertiserSecret", "secret"),
		m.do(m.asBlog, createKey, vars{"input": vars{"name": "CRM"}}).id("createApiKey", "secret"),
	}
	m.staffUser("max@network.example", "ADMIN")
	m.must(m.asShop, "SetReconciliationFeed", vars{"input": vars{
		"advertiserId": m.shop, "url": "https://shop.example/list?token=geheim", "format": "CSV", "schedule": "30 6 * * *",
	}})
	sealed := m.keysOf(`SELECT encode(secret, 'base64') FROM destinations UNION SELECT encode(secret, 'base64') FROM advertisers UNION SELECT encode(hash, 'base64') FROM api_keys`)
	log := strings.Join(m.keysOf(`SELECT changes::text FROM audit_log`), "\n")
	for _, secret := range append(append(secrets, "geheim"), sealed...) {
		text, err := json.Marshal(secret)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(log, strings.Trim(string(text), `"`)) {
			t.Errorf("the log holds %q", secret)
		}
	}
	got := m.do(admin, auditLog, vars{"filter": vars{"objectId": id}, "first": 1}).at("auditLog", "edges", 0, "node", "changes", 0, "fields")
	if s := fmt.Sprint(got); !strings.Contains(s, `map[after:"***" before:"***" name:secret]`) {
		t.Errorf("that it changed is not told: %v", s)
	}
}

func TestTheAuditLogIsKept(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	for _, sql := range []string{`UPDATE audit_log SET operation = ''`, `DELETE FROM audit_log`, `TRUNCATE audit_log`} {
		if _, err := m.store.Pool().Exec(t.Context(), sql); err == nil {
			t.Errorf("%s is done", sql)
		}
	}
}

// keysOf gives the texts that a query finds.
func (a *api) keysOf(sql string) []string {
	a.t.Helper()
	rows, err := a.store.Pool().Query(a.t.Context(), sql)
	if err != nil {
		a.t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(list) == 0 {
		a.t.Fatal(list, err)
	}
	return list
}
