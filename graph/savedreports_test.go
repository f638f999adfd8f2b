package graph_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proofback/proofback"
)

const (
	saveReport = `mutation($in: CreateSavedReportInput!) { createSavedReport(input: $in) {
		savedReport { id name format timeZone schedule nextRunAt archivedAt user { id }
			query { period from to currency timeBasis groupBy offerIds eventTypes sub { index value } orderBy direction } lastRun { id } }
		userErrors { code field message } } }`
	changeReport  = `mutation($in: UpdateSavedReportInput!) { updateSavedReport(input: $in) { savedReport { name schedule nextRunAt timeZone query { period } } userErrors { code field message } } }`
	archiveReport = `mutation($id: ID!) { archiveSavedReport(input: {id: $id}) { savedReport { archivedAt nextRunAt } userErrors { code field message } } }`
	runReport     = `mutation($id: ID!) { runSavedReport(input: {id: $id}) { run { id status scheduled fileUrl savedReport { id lastRun { id } } } userErrors { code field message } } }`
	listReports   = `query($filter: SavedReportFilter) { savedReports(filter: $filter) { edges { node { name runs { edges { node { status } } } } } } }`
)

// reader makes a user of the blog's.
func (m *market) reader(email string) proofback.Actor {
	m.t.Helper()
	actor := m.asBlog
	actor.UserID = key(m.t, m.must(admin, "CreateUser", vars{"input": vars{
		"email": email, "password": "long enough", "role": "AFFILIATE", "affiliateId": m.blog,
	}}).id("createUser", "user", "id"))
	return actor
}

func TestAUserKeepsAReport(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	kim := m.reader("kim@blog.example")
	in := vars{
		"name": " Sales by sub ", "timeZone": "Europe/Berlin", "schedule": "30 6 * * 1",
		"query": vars{
			"period": "LAST_WEEK", "groupBy": []string{"SUB1"}, "currency": "USD",
			"filter":  vars{"eventTypes": []string{"sale"}, "sub": vars{"index": 2, "value": "x"}},
			"orderBy": vars{"metric": "PAYOUT"},
		},
	}
	made := m.do(kim, saveReport, vars{"in": in})
	id := made.id("createSavedReport", "savedReport", "id")
	report, _ := made.at("createSavedReport", "savedReport").(map[string]any)
	next, err := time.Parse(time.RFC3339, made.id("createSavedReport", "savedReport", "nextRunAt"))
	if berlin, zoneErr := time.LoadLocation("Europe/Berlin"); err != nil || zoneErr != nil || next.In(berlin).Format("Mon 15:04") != "Mon 06:30" {
		t.Errorf("next at %v, %v", next, err)
	}
	delete(report, "id")
	delete(report, "nextRunAt")
	want := map[string]any{
		"name": "Sales by sub", "format": "CSV", "timeZone": "Europe/Berlin", "schedule": "30 6 * * 1", "archivedAt": nil, "lastRun": nil,
		"user": map[string]any{"id": proofback.GlobalID(proofback.KindUser, kim.UserID)},
		"query": map[string]any{
			"period": "LAST_WEEK", "from": nil, "to": nil, "currency": "USD", "timeBasis": "EVENT", "groupBy": []any{"SUB1"}, "offerIds": []any{},
			"eventTypes": []any{"sale"}, "sub": map[string]any{"index": float64(2), "value": "x"}, "orderBy": "PAYOUT", "direction": "DESC",
		},
	}
	if diff := cmp.Diff(want, report); diff != "" {
		t.Error(diff)
	}
	run := m.do(kim, runReport, vars{"id": id})
	if run.at("runSavedReport", "run", "status") != "QUEUED" || run.at("runSavedReport", "run", "fileUrl") != nil ||
		run.at("runSavedReport", "run", "savedReport", "lastRun", "id") != run.at("runSavedReport", "run", "id") {
		t.Errorf("%v %+v", run.Data, run.Errors)
	}
	if _, err := m.store.Pool().Exec(t.Context(), `UPDATE report_runs SET status = 'DONE'`); err != nil {
		t.Fatal(err)
	}
	done := m.do(kim, `query($id: ID!) { node(id: $id) { ... on ReportRun { fileUrl rowCount byteCount } } }`, vars{"id": run.id("runSavedReport", "run", "id")})
	if url := done.id("node", "fileUrl"); url != "https://go.network.example/export/saved-report?run="+run.id("runSavedReport", "run", "id") {
		t.Error(url)
	}
	changed := m.do(kim, changeReport, vars{"in": vars{"id": id, "schedule": nil, "query": vars{"period": "TODAY"}}})
	wantChanged := map[string]any{"name": "Sales by sub", "schedule": nil, "nextRunAt": nil, "timeZone": "Europe/Berlin", "query": map[string]any{"period": "TODAY"}}
	if diff := cmp.Diff(wantChanged, changed.at("updateSavedReport", "savedReport")); diff != "" {
		t.Error(diff)
	}
	m.do(kim, changeReport, vars{"in": vars{"id": id, "schedule": "0 7 * * *"}})
	if gone := m.do(manager, archiveReport, vars{"id": id}); gone.at("archiveSavedReport", "savedReport", "archivedAt") == nil || gone.at("archiveSavedReport", "savedReport", "nextRunAt") != nil {
		t.Errorf("%v %+v", gone.Data, gone.Errors)
	}
	if got := m.do(kim, runReport, vars{"id": id}).mistake("runSavedReport"); got != "CONFLICT " {
		t.Error(got)
	}
	for archived, n := range map[bool]int{false: 0, true: 1} {
		list, _ := m.do(kim, listReports, vars{"filter": vars{"archived": archived}}).at("savedReports", "edges").([]any)
		if len(list) != n {
			t.Errorf("archived %v: %d", archived, len(list))
		}
	}
}

func TestAReportsMistakesAreToldWhenItIsSaved(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	kim := m.reader("kim@blog.example")
	for name, tt := range map[string]struct {
		change vars
		want   string
	}{
		"no time":                {vars{"query": vars{}}, "BAD_USER_INPUT query.period"},
		"two times":              {vars{"query": vars{"period": "TODAY", "from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}}, "BAD_USER_INPUT query.period"},
		"half a time":            {vars{"query": vars{"from": "2026-01-01T00:00:00Z"}}, "BAD_USER_INPUT query.to"},
		"a dimension twice":      {vars{"query": vars{"period": "TODAY", "groupBy": []string{"DAY", "DAY"}}}, "BAD_USER_INPUT query.groupBy"},
		"what is not to be seen": {vars{"query": vars{"period": "TODAY", "orderBy": vars{"metric": "REVENUE"}}}, "BAD_USER_INPUT query.orderBy.metric"},
		"another's id":           {vars{"query": vars{"period": "TODAY", "filter": vars{"offerIds": []string{"x"}}}}, "BAD_USER_INPUT query.filter.offerIds.0"},
		"too often":              {vars{"schedule": "*/5 * * * *"}, "BAD_USER_INPUT schedule"},
		"no schedule":            {vars{"schedule": "TZ=UTC"}, "BAD_USER_INPUT schedule"},
		"no zone":                {vars{"timeZone": "Nowhere"}, "BAD_USER_INPUT timeZone"},
		"no name":                {vars{"name": " "}, "BAD_USER_INPUT name"},
		"somebody else":          {vars{"userId": proofback.GlobalID(proofback.KindUser, kim.AffiliateID)}, "NOT_FOUND "},
	} {
		in := vars{"name": "X", "query": vars{"period": "TODAY"}}
		for k, v := range tt.change {
			in[k] = v
		}
		if got := m.do(kim, saveReport, vars{"in": in}).mistake("createSavedReport"); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	for range 50 {
		m.do(kim, saveReport, vars{"in": vars{"name": "X", "query": vars{"period": "TODAY"}}}).id("createSavedReport", "savedReport", "id")
	}
	if got := m.do(kim, saveReport, vars{"in": vars{"name": "X", "query": vars{"period": "TODAY"}}}).mistake("createSavedReport"); got != "CONFLICT " {
		t.Errorf("the 51st: %q", got)
	}
}

func TestColleaguesSeeAReportAndChangeNothing(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	kim, lee := m.reader("kim@blog.example"), m.reader("lee@blog.example")
	id := m.do(kim, saveReport, vars{"in": vars{"name": "Kim's", "query": vars{"period": "TODAY"}}}).id("createSavedReport", "savedReport", "id")
	for who, tt := range map[string]struct {
		actor proofback.Actor
		sees  bool
	}{"a colleague": {lee, true}, "the shop": {m.asShop, false}} {
		list, _ := m.do(tt.actor, listReports, nil).at("savedReports", "edges").([]any)
		if len(list) == 1 != tt.sees {
			t.Errorf("%s sees %v", who, list)
		}
		for payload, got := range map[string]*answer{
			"updateSavedReport":  m.do(tt.actor, changeReport, vars{"in": vars{"id": id, "name": "Mine"}}),
			"archiveSavedReport": m.do(tt.actor, archiveReport, vars{"id": id}),
			"runSavedReport":     m.do(tt.actor, runReport, vars{"id": id}),
		} {
			if mistake := got.mistake(payload); !strings.HasPrefix(mistake, "NOT_FOUND") {
				t.Errorf("%s: %s: %q", who, payload, mistake)
			}
		}
	}
}
