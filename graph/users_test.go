package graph_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

const updateUser = `mutation($input: UpdateUserInput!) {
	updateUser(input: $input) { user { email role disabled affiliate { id } advertiser { id } } userErrors { code field message } }
}`

// staffUser makes a user of the network's own.
func (m *market) staffUser(email, role string) (id string, actor proofback.Actor) {
	m.t.Helper()
	id = m.must(admin, "CreateUser", vars{"input": vars{"email": email, "password": "long enough", "role": role}}).id("createUser", "user", "id")
	return id, proofback.Actor{Role: proofback.Role(role), UserID: key(m.t, id)}
}

func TestWhoChangesWhom(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	partner := m.must(manager, "CreateUser", vars{"input": vars{
		"email": "kim@blog.example", "password": "long enough", "role": "AFFILIATE", "affiliateId": m.blog,
	}}).id("createUser", "user", "id")
	staff, _ := m.staffUser("max@network.example", "MANAGER")
	for _, tt := range []struct {
		name  string
		actor proofback.Actor
		input vars
		want  string
	}{
		{"a manager a partner's", manager, vars{"id": partner, "email": "Kim2@Blog.example"}, ""},
		{"a manager to another partner", manager, vars{"id": partner, "role": "ADVERTISER", "affiliateId": nil, "advertiserId": m.shop}, ""},
		{"a role that does not fit", manager, vars{"id": partner, "role": "AFFILIATE"}, "BAD_USER_INPUT role"},
		{"a manager to staff", manager, vars{"id": partner, "role": "MANAGER", "advertiserId": nil}, "FORBIDDEN"},
		{"a manager staff", manager, vars{"id": staff, "disabled": true}, "FORBIDDEN"},
		{"an admin staff", admin, vars{"id": staff, "disabled": true}, ""},
		{"an address that is taken", admin, vars{"id": staff, "email": "kim2@blog.example"}, "CONFLICT email"},
		{"a partner itself", m.asBlog, vars{"id": partner, "disabled": false}, "FORBIDDEN"},
		{"nobody known", admin, vars{"id": proofback.GlobalID(proofback.KindUser, uuid.Max)}, "NOT_FOUND id"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := m.do(tt.actor, updateUser, vars{"input": tt.input})
			said := got.code()
			if said == "" {
				said = got.mistake("updateUser")
			}
			if said != tt.want {
				t.Errorf("got %q, want %q: %+v", said, tt.want, got)
			}
		})
	}
}

func TestAnAdminStays(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	first, asFirst := m.staffUser("a@network.example", "ADMIN")
	for name, change := range map[string]vars{
		"the last one is shut out":    {"id": first, "disabled": true},
		"the last one becomes less":   {"id": first, "role": "MANAGER"},
		"somebody shuts himself out ": {"id": first, "disabled": true},
	} {
		for _, actor := range []proofback.Actor{admin, asFirst} {
			if got := m.do(actor, updateUser, vars{"input": change}); got.mistake("updateUser") != "CONFLICT " {
				t.Errorf("%s: got %v %+v", name, got.Data, got.Errors)
			}
		}
	}
	second, asSecond := m.staffUser("b@network.example", "ADMIN")
	if got := m.do(asSecond, updateUser, vars{"input": vars{"id": first, "disabled": true}}); got.at("updateUser", "user", "disabled") != true {
		t.Errorf("got %v %+v", got.Data, got.Errors)
	}
	if got := m.do(admin, updateUser, vars{"input": vars{"id": second, "role": "MANAGER"}}); got.mistake("updateUser") != "CONFLICT " {
		t.Errorf("one who is shut out counted: %v %+v", got.Data, got.Errors)
	}
}
