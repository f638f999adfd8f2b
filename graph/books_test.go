package graph_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// ledgered is a loop whose clock can be put forward.
type ledgered struct {
	*loop
	ahead atomic.Int64
	month string // of its sales
}

func newLedgered(t testing.TB) *ledgered {
	t.Helper()
	l := &ledgered{month: proofback.MonthName(time.Now())}
	l.loop = newLoop(t, func(c *db.Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(l.ahead.Load())) }
	})
	return l
}

// nextMonth puts the clock into the month after that of the sales.
func (l *ledgered) nextMonth() { l.ahead.Store(int64(32 * 24 * time.Hour)) }

const closePeriod = `mutation($month: String!) { closePeriod(input: {month: $month}) { period { id month closedBy statementsAt } userErrors { code field message } } }`

// close closes the month of the sales and makes its statements.
func (l *ledgered) close() string {
	l.t.Helper()
	l.nextMonth()
	period := l.do(admin, closePeriod, vars{"month": l.month}).id("closePeriod", "period", "id")
	if _, err := l.store.MakeStatements(l.t.Context(), proofback.System()); err != nil {
		l.t.Fatal(err)
	}
	return period
}

func TestOnlyAnAdminClosesMonthsAndEverybodySeesWhichAre(t *testing.T) {
	t.Parallel()
	l := newLedgered(t)
	l.sale(l.click(l.blog), "1")
	for actor, want := range map[proofback.Actor]string{manager: "FORBIDDEN", l.asBlog: "FORBIDDEN", l.asShop: "FORBIDDEN", nobody: "UNAUTHENTICATED"} {
		for _, month := range []string{l.month, "nonsense"} {
			if got := l.do(actor, closePeriod, vars{"month": month}).code(); got != want {
				t.Errorf("%s: %s", actor.Role, got)
			}
		}
	}
	for month, want := range map[string]string{"nonsense": "BAD_USER_INPUT month", l.month: "CONFLICT month"} {
		if got := l.do(admin, closePeriod, vars{"month": month}).mistake("closePeriod"); got != want {
			t.Errorf("%s: %s", month, got)
		}
	}
	period := l.close()
	const query = `query($id: ID!) { node(id: $id) { ... on Period { month closedBy } } periods { openFrom edges { node { id month statementsAt } } } }`
	for actor, by := range map[proofback.Actor]string{admin: "SYSTEM", l.asBlog: "STAFF", l.asShop: "STAFF"} {
		got := l.do(actor, query, vars{"id": period})
		if got.at("periods", "edges", 0, "node", "month") != l.month || got.at("periods", "edges", 0, "node", "statementsAt") == nil ||
			got.at("node", "closedBy") != by || !strings.HasSuffix(got.id("periods", "openFrom"), "-01T00:00:00Z") {
			t.Errorf("%s: %v %+v", actor.Role, got.Data, got.Errors)
		}
	}
}

func TestWhatIsDoneToAClosedMonthIsSaidToBeBookedLater(t *testing.T) {
	t.Parallel()
	l := newLedgered(t)
	click := l.click(l.blog)
	a, b := l.sale(click, "a"), l.sale(click, "b")
	const adjust = `mutation($input: AdjustConversionsInput!) { adjustConversions(input: $input) {
		adjustments { id kind payout { amount } revenue { amount } monthClosed by reason conversion { id } } notices { code message conversion { id } } userErrors { code field }
	} }`
	one := func(id string, more vars) vars {
		k := vars{"id": id}
		for name, v := range more {
			k[name] = v
		}
		return vars{"input": vars{"adjustments": []vars{k}, "reason": "wrong price"}}
	}
	for actor, want := range map[proofback.Actor]string{l.asBlog: "FORBIDDEN", l.asShop: "FORBIDDEN", nobody: "UNAUTHENTICATED"} {
		if got := l.do(actor, adjust, one(a, vars{"payout": "1"})).code(); got != want {
			t.Errorf("%s: %s", actor.Role, got)
		}
	}
	for name, input := range map[string]vars{
		"BAD_USER_INPUT adjustments.0": one(a, vars{"payout": "-1"}), "NOT_FOUND adjustments.0": one(unknownID(proofback.KindConversion), vars{"payout": "1"}),
		"CONFLICT adjustments.0": one(a, vars{"payout": secretPayout}),
		"BAD_USER_INPUT reason":  {"input": vars{"adjustments": []vars{{"id": a, "payout": "1"}}, "reason": ""}},
	} {
		if got := l.do(manager, adjust, input).mistake("adjustConversions"); got != name {
			t.Errorf("%s: %s", name, got)
		}
	}
	early := l.do(manager, adjust, one(a, vars{"payout": "20.00"}))
	if early.at("adjustConversions", "adjustments", 0, "payout", "amount") != "-7.18" || early.at("adjustConversions", "adjustments", 0, "monthClosed") != false ||
		len(early.at("adjustConversions", "notices").([]any)) != 0 {
		t.Errorf("%v", early.Data)
	}
	l.close()
	approvedNow := l.do(manager, `mutation($ids: [ID!]!) { approveConversions(input: {ids: $ids}) { conversions { id } notices { code message conversion { id } } userErrors { code } } }`, vars{"ids": []string{a, b}})
	for i, id := range []string{a, b} {
		notice := approvedNow.at("approveConversions", "notices", i).(map[string]any)
		if notice["code"] != "PERIOD_CLOSED" || !strings.HasPrefix(notice["message"].(string), l.month+" is closed, so it is booked in ") || notice["conversion"].(map[string]any)["id"] != id {
			t.Errorf("%v", notice)
		}
	}
	late := l.do(manager, adjust, one(b, vars{"revenue": "30"}))
	if late.at("adjustConversions", "adjustments", 0, "revenue", "amount") != "-1.41" || late.at("adjustConversions", "notices", 0, "code") != "PERIOD_CLOSED" {
		t.Errorf("%v", late.Data)
	}

	const query = `query($a: ID!, $b: ID!, $k: ID!) {
		a: node(id: $a) { ... on Conversion { adjusted { payout { amount } revenue { amount } } adjustments { kind } } }
		b: node(id: $b) { ... on Conversion { adjusted { payout { amount } revenue { amount } } adjustments { kind by } } }
		k: node(id: $k) { ... on Adjustment { payout { amount } revenue { amount } } }
	}`
	money := func(amount string) any { return map[string]any{"amount": amount} }
	kinds := func(n int) []any {
		list := make([]any, n)
		for i := range list {
			list[i] = map[string]any{"kind": "STATUS"}
		}
		return list
	}
	correction := map[string]any{"kind": "AMOUNT"}
	k := early.id("adjustConversions", "adjustments", 0, "id")
	for _, tt := range []struct {
		actor proofback.Actor
		a, k  any
		seen  int // of the second conversion
	}{
		{manager, map[string]any{"adjusted": map[string]any{"payout": money("20.00"), "revenue": money(secretRevenue)}, "adjustments": append([]any{correction}, kinds(2)...)}, map[string]any{"payout": money("-7.18"), "revenue": nil}, 2},
		{l.asBlog, map[string]any{"adjusted": map[string]any{"payout": money("20.00"), "revenue": nil}, "adjustments": append([]any{correction}, kinds(2)...)}, map[string]any{"payout": money("-7.18"), "revenue": nil}, 1},
		{l.asShop, map[string]any{"adjusted": map[string]any{"payout": nil, "revenue": money(secretRevenue)}, "adjustments": kinds(2)}, nil, 2},
		{actorOf(t, l.rival), nil, nil, 0},
	} {
		got := l.do(tt.actor, query, vars{"a": a, "b": b, "k": k})
		if diff := cmp.Diff(tt.a, got.at("a")); diff != "" {
			t.Errorf("%s: %s", tt.actor.Role, diff)
		}
		if diff := cmp.Diff(tt.k, got.at("k")); diff != "" {
			t.Errorf("%s: %s", tt.actor.Role, diff)
		}
		if tt.seen > 0 && len(got.at("b", "adjustments").([]any)) != tt.seen {
			t.Errorf("%s: %v", tt.actor.Role, got.at("b"))
		}
	}
}

func TestStatementsAreShownToTheirAffiliateAndStaff(t *testing.T) {
	t.Parallel()
	l := newLedgered(t)
	const minimum = `mutation($input: SetMinimumPayoutInput!) { setMinimumPayout(input: $input) { affiliate { minimumPayout { amount currency } } defaultMinimumPayout { amount currency } userErrors { code field } } }`
	set := l.do(manager, minimum, vars{"input": vars{"affiliateId": l.blog, "amount": "30"}})
	if set.at("setMinimumPayout", "affiliate", "minimumPayout", "amount") != "30" || set.at("setMinimumPayout", "defaultMinimumPayout", "amount") != "0.00" {
		t.Errorf("%v", set.Data)
	}
	if got := l.do(manager, minimum, vars{"input": vars{"amount": "0.001"}}).mistake("setMinimumPayout"); got != "BAD_USER_INPUT amount" {
		t.Error(got)
	}
	sold := l.sale(l.click(l.blog), "1")
	l.must(manager, "ApproveConversions", vars{"input": vars{"ids": []string{sold}}})
	l.close()
	const query = `{ defaultMinimumPayout { amount } statements { edges { node { id month currency opening earned adjusted payable carried minimum lineCount
		affiliate { id minimumPayout { amount } } period { month } csvUrl htmlUrl
		lines { edges { node { number kind amount sent { amount currency } conversion { id revenue { amount } } adjustment { id } } } pageInfo { hasNextPage } } } } } }`
	var id string
	for _, actor := range []proofback.Actor{manager, l.asBlog} {
		got := l.do(actor, query, nil)
		s := got.at("statements", "edges", 0, "node").(map[string]any)
		id = s["id"].(string)
		if s["month"] != l.month || s["earned"] != secretPayout || s["payable"] != "0.00" || s["carried"] != secretPayout || s["minimum"] != "30.00" || s["lineCount"] != 1.0 {
			t.Errorf("%s: %v", actor.Role, s)
		}
		if got.at("statements", "edges", 0, "node", "lines", "edges", 0, "node", "conversion", "id") != sold || !strings.Contains(s["csvUrl"].(string), "/export/statement.csv?id="+id) {
			t.Errorf("%s: %v", actor.Role, s)
		}
		if shown := got.at("statements", "edges", 0, "node", "lines", "edges", 0, "node", "conversion", "revenue") != nil; shown != actor.IsStaff() {
			t.Errorf("%s: revenue is shown: %t", actor.Role, shown)
		}
	}
	for _, actor := range []proofback.Actor{actorOf(t, l.rival), l.asShop} {
		got := l.do(actor, query, nil)
		one := l.do(actor, `query($id: ID!) { statement(id: $id) { id } node(id: $id) { id } }`, vars{"id": id})
		if len(got.at("statements", "edges").([]any)) != 0 || one.at("statement") != nil || one.at("node") != nil {
			t.Errorf("%s: %v, %v", actor.Role, got.Data, one.Data)
		}
		if hidden := got.at("defaultMinimumPayout") == nil; hidden != (actor.Role == proofback.RoleAdvertiser) {
			t.Errorf("%s: the minimum is hidden: %t", actor.Role, hidden)
		}
		if got := l.do(actor, minimum, vars{"input": vars{"amount": "1"}}).code(); got != "FORBIDDEN" {
			t.Errorf("%s: %s", actor.Role, got)
		}
	}
}

func TestAReportIsToldAsOfAMomentAndItsChangesWithTheirReason(t *testing.T) {
	t.Parallel()
	l := newLedgered(t)
	a := l.sale(l.click(l.blog), "a")
	then := time.Now().UTC()
	l.ahead.Store(int64(time.Second))
	l.must(manager, "RejectConversions", vars{"input": vars{"ids": []string{a}, "reason": "returned"}})
	const report = `query($input: ReportInput!) { report(input: $input) { asOf totals { pending rejected pendingPayout { amount } } } }`
	was := l.do(manager, report, today(vars{"groupBy": []string{}, "asOf": then.Format(time.RFC3339Nano)}))
	is := l.do(manager, report, today(vars{"groupBy": []string{}}))
	if was.at("report", "totals", "pending") != 1.0 || was.at("report", "totals", "pendingPayout", "amount") != secretPayout || is.at("report", "totals", "rejected") != 1.0 {
		t.Errorf("was %v, is %v", was.Data, is.Data)
	}
	ahead := today(vars{"asOf": then.AddDate(0, 0, 1).Format(time.RFC3339)})
	if got := l.do(manager, report, ahead).code(); got != "BAD_USER_INPUT" {
		t.Error(got)
	}
	const changes = `query($input: ReportChangesInput!) { reportChanges(input: $input) {
		changes { kind from to reason by conversion { id } difference { pending rejected pendingPayout { amount } revenue { amount } margin { amount } } }
		totals { pending rejected } pageInfo { hasNextPage endCursor }
	} }`
	for _, tt := range []struct {
		actor           proofback.Actor
		by              string
		payout, revenue any
	}{
		{manager, "STAFF", map[string]any{"amount": "-" + secretPayout}, map[string]any{"amount": "0.00"}},
		{l.asBlog, "STAFF", map[string]any{"amount": "-" + secretPayout}, nil},
		{l.asShop, "STAFF", nil, map[string]any{"amount": "0.00"}},
	} {
		got := l.do(tt.actor, changes, today(vars{"since": then.Format(time.RFC3339Nano)}))
		c := got.at("reportChanges", "changes", 0).(map[string]any)
		d := c["difference"].(map[string]any)
		if c["kind"] != "MOVED" || c["from"] != "PENDING" || c["to"] != "REJECTED" || c["reason"] != "returned" || c["by"] != tt.by || d["pending"] != -1.0 || d["rejected"] != 1.0 {
			t.Errorf("%s: %v", tt.actor.Role, c)
		}
		if diff := cmp.Diff([]any{tt.payout, tt.revenue}, []any{d["pendingPayout"], d["revenue"]}); diff != "" || (d["margin"] != nil) != tt.actor.IsStaff() {
			t.Errorf("%s: %s", tt.actor.Role, diff)
		}
	}
	first := l.do(manager, changes, today(vars{"first": 1, "until": time.Now().UTC().Add(time.Second / 2).Format(time.RFC3339Nano)}))
	if first.at("reportChanges", "changes", 0, "kind") != "RECEIVED" || len(first.at("reportChanges", "changes").([]any)) != 1 {
		t.Errorf("%v", first.Data)
	}
	if got := l.do(actorOf(t, l.rival), changes, today(nil)); len(got.at("reportChanges", "changes").([]any)) != 0 {
		t.Errorf("%v", got.Data)
	}
}
