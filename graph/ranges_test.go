package graph_test

import "testing"

func TestListsRefuseATimeThatEndsBeforeItBegins(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	round := vars{"from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z"}
	for _, list := range []string{"Clicks", "Conversions", "Postbacks", "Deliveries"} {
		if got := m.run(admin, list, vars{"filter": round}); got.code() != "BAD_USER_INPUT" {
			t.Errorf("%s: %v %+v", list, got.Data, got.Errors)
		}
	}
	for list, kind := range map[string]string{"auditLog": "AuditLogFilter", "clickHours": "ClickHourFilter"} {
		if got := m.do(admin, "query ($f: "+kind+") { "+list+"(filter: $f) { edges { cursor } } }", vars{"f": round}); got.code() != "BAD_USER_INPUT" {
			t.Errorf("%s: %v %+v", list, got.Data, got.Errors)
		}
	}
}
