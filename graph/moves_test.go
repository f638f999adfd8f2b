package graph_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proofback/proofback"
)

// mistakes are a payload's user errors as "CODE field.path", in their order.
func (a *answer) mistakes(payload string) []string {
	a.t.Helper()
	var out []string
	list, _ := a.at(payload, "userErrors").([]any)
	for _, m := range list {
		m := m.(map[string]any)
		s := m["code"].(string)
		for i, step := range m["field"].([]any) {
			s += []string{" ", "."}[min(i, 1)] + step.(string)
		}
		out = append(out, s)
	}
	return out
}

func TestStaffApproveAndRejectOneByOne(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	click := l.click(l.blog)
	a, b := l.sale(click, "a"), l.sale(click, "b")
	got := l.run(manager, "ApproveConversions", vars{"input": vars{
		"ids": []string{"nonsense", a, unknownID(proofback.KindConversion), l.blog, b},
	}})
	if got.at("approveConversions", "conversions", 0, "id") != a || got.at("approveConversions", "conversions", 1, "status") != "APPROVED" {
		t.Errorf("got %v", got.Data)
	}
	want := []string{"BAD_USER_INPUT ids.0", "NOT_FOUND ids.2", "BAD_USER_INPUT ids.3"}
	if diff := cmp.Diff(want, got.mistakes("approveConversions")); diff != "" {
		t.Error(diff)
	}
	again := l.run(manager, "ApproveConversions", vars{"input": vars{"ids": []string{a}}})
	if diff := cmp.Diff([]string{"CONFLICT ids.0"}, again.mistakes("approveConversions")); diff != "" {
		t.Error(diff)
	}
	silent := l.run(manager, "RejectConversions", vars{"input": vars{"ids": []string{a}}})
	if diff := cmp.Diff([]string{"BAD_USER_INPUT ids.0"}, silent.mistakes("rejectConversions")); diff != "" {
		t.Error(diff)
	}
	reversed := l.must(admin, "RejectConversions", vars{"input": vars{"ids": []string{a}, "reason": "returned"}})
	if reversed.at("rejectConversions", "conversions", 0, "reason") != "returned" {
		t.Errorf("got %v", reversed.Data)
	}
	const query = `query($id: ID!) { node(id: $id) { ... on Conversion { transitions { from to by reason } } } }`
	for actor, by := range map[proofback.Actor]string{manager: "STAFF", l.asBlog: "STAFF", l.asShop: "STAFF"} {
		last := l.do(actor, query, vars{"id": a}).at("node", "transitions", 2)
		if diff := cmp.Diff(map[string]any{"from": "APPROVED", "to": "REJECTED", "by": by, "reason": "returned"}, last); diff != "" {
			t.Errorf("%s: %s", actor.Role, diff)
		}
	}
}

func TestOnlyStaffMoveAndReplay(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	p := l.postback(l.click(l.blog), "event_type=sale&txid=1")
	conversion := proofback.GlobalID(proofback.KindConversion, p.ConversionID)
	request := proofback.GlobalID(proofback.KindPostback, p.ID)
	for actor, want := range map[proofback.Actor]string{l.asBlog: "FORBIDDEN", l.asShop: "FORBIDDEN", nobody: "UNAUTHENTICATED"} {
		for operation, id := range map[string]string{"ApproveConversions": conversion, "RejectConversions": conversion, "ReplayPostbacks": request} {
			got := l.run(actor, operation, vars{"input": vars{"ids": []string{id}}})
			if got.code() != want {
				t.Errorf("%s as %s: %+v", operation, actor.Role, got)
			}
		}
	}
	for operation, payload := range map[string]string{
		"ApproveConversions": "approveConversions", "ReplayPostbacks": "replayPostbacks", "RetryDeliveries": "retryDeliveries",
	} {
		for _, ids := range [][]string{{}, make([]string, 101)} {
			got := l.run(manager, operation, vars{"input": vars{"ids": ids}})
			if diff := cmp.Diff([]string{"BAD_USER_INPUT ids"}, got.mistakes(payload)); diff != "" {
				t.Errorf("%s with %d ids: %s", operation, len(ids), diff)
			}
		}
	}
}

func TestAReplayIsLoggedBesideItsRequest(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	click := l.click(l.blog)
	p := l.postback(click, "event_type=sale&txid=1")
	masked := l.postback(click, "event_type=sale&txid=2&sub1=ann@example.com")
	id := func(p proofback.Postback) string { return proofback.GlobalID(proofback.KindPostback, p.ID) }
	got := l.run(manager, "ReplayPostbacks", vars{"input": vars{"ids": []string{id(masked), id(p)}}})
	replay := got.at("replayPostbacks", "postbacks", 0).(map[string]any)
	if replay["result"] != "DUPLICATE" || replay["replayOf"].(map[string]any)["id"] != id(p) ||
		replay["conversion"].(map[string]any)["id"] != proofback.GlobalID(proofback.KindConversion, p.ConversionID) {
		t.Errorf("got %v", replay)
	}
	if diff := cmp.Diff([]string{"CONFLICT ids.0"}, got.mistakes("replayPostbacks")); diff != "" {
		t.Error(diff)
	}
}

func TestTheLogIsReplayedByFilterAndDryly(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	click := l.click(l.blog)
	for i := range 3 {
		l.postback(click, fmt.Sprint("event_type=sale&txid=", i))
	}
	replay := func(input vars) []any {
		t.Helper()
		got := l.do(manager, `mutation($input: ReplayPostbacksInput!) {
			replayPostbacks(input: $input) { next postbacks { result replayOf { id } } userErrors { code field } }
		}`, vars{"input": input})
		return got.at("replayPostbacks", "postbacks").([]any)
	}
	if dry := replay(vars{"filter": vars{"transactionId": "1"}, "dryRun": true}); len(dry) != 1 || dry[0].(map[string]any)["result"] != "DUPLICATE" {
		t.Errorf("the dry run: %v", dry)
	}
	if all := replay(vars{"filter": vars{}}); len(all) != 3 {
		t.Errorf("a dry run was logged, or not all was replayed: %v", all)
	}
	if again := replay(vars{"filter": vars{}}); len(again) != 3 {
		t.Errorf("replays were replayed: %v", again)
	}
}

func TestFailedDeliveriesAreRetriedByIDOrFilter(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	click := l.click(l.blog)
	for i := range 3 {
		l.sale(click, fmt.Sprint(i))
	}
	fail := func() {
		if _, err := l.store.Pool().Exec(t.Context(), `UPDATE deliveries SET status = 'FAILED', next_attempt_at = NULL`); err != nil {
			t.Fatal(err)
		}
	}
	fail()
	one := l.must(l.asBlog, "Deliveries", nil).id("deliveries", "edges", 0, "node", "id")
	got := l.run(l.asBlog, "RetryDeliveries", vars{"input": vars{"ids": []string{"x", one, unknownID(proofback.KindDelivery)}}})
	if got.at("retryDeliveries", "count") != float64(1) || got.at("retryDeliveries", "deliveries", 0, "id") != one ||
		got.at("retryDeliveries", "deliveries", 0, "status") != "PENDING" {
		t.Errorf("got %v", got.Data)
	}
	if n := len(got.mistakes("retryDeliveries")); n != 2 {
		t.Errorf("%d mistakes: %v", n, got.mistakes("retryDeliveries"))
	}
	fail()
	all := l.must(manager, "RetryDeliveries", vars{"input": vars{"filter": vars{"affiliateId": l.blog}}})
	if all.at("retryDeliveries", "count") != float64(3) || len(all.at("retryDeliveries", "deliveries").([]any)) != 3 {
		t.Errorf("got %v", all.Data)
	}
	fail()
	if got := l.run(l.asRival, "RetryDeliveries", vars{"input": vars{"ids": []string{one}}}); len(got.mistakes("retryDeliveries")) != 1 {
		t.Errorf("a foreign one: %v", got.Data)
	}
	if got := l.run(l.asShop, "RetryDeliveries", vars{"input": vars{"ids": []string{one}}}); got.code() != "FORBIDDEN" {
		t.Errorf("an advertiser: %+v", got)
	}
	for _, bad := range []vars{{}, {"ids": []string{one}, "filter": vars{}}} {
		if got := l.run(manager, "RetryDeliveries", vars{"input": bad}); got.mistake("retryDeliveries") != "BAD_USER_INPUT ids" {
			t.Errorf("%v: %v", bad, got.Data)
		}
	}
}
