package graph_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proofback/proofback"
)

// disputed adds a question of the affiliate's, and an answer.
func (w *tenants) disputed(n *tenant, name string) {
	w.t.Helper()
	d, err := w.store.OpenDispute(w.t.Context(), n.affiliate, n.affiliate.AffiliateID, proofback.TraceBy{TransactionID: n.txid}, proofback.DisputeEntry{Text: name})
	if err == nil {
		_, err = w.store.AnswerDispute(w.t.Context(), admin, d.ID, proofback.DisputeEntry{Text: name})
	}
	if err != nil {
		w.t.Fatal(err)
	}
	n.ids[proofback.KindDispute] = proofback.GlobalID(proofback.KindDispute, d.ID)
}

const disputeFields = ` { id clickId transactionId conversion { id } status trace { kind } entries { byStaff by text evidenceUrl decision } } userErrors { code field message } `

// An affiliate asks about a sale that was rejected; staff answer, and decide with a reason.
// Both see what was said, and the trace as it was when it was asked; nobody else does.
func TestADisputeIsAskedAnsweredAndDecided(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	click := l.click(l.blog)
	conversion := l.sale(click, "1")
	l.must(manager, "RejectConversions", vars{"input": vars{"ids": []string{conversion}, "reason": "returned"}})
	open := func(actor proofback.Actor, input vars) *answer {
		t.Helper()
		return l.do(actor, `mutation($in: OpenDisputeInput!) { openDispute(input: $in) { dispute`+disputeFields+`} }`, vars{"in": input})
	}
	say := func(actor proofback.Actor, input vars) *answer {
		t.Helper()
		return l.do(actor, `mutation($in: AnswerDisputeInput!) { answerDispute(input: $in) { dispute`+disputeFields+`} }`, vars{"in": input})
	}
	asked := open(l.asBlog, vars{"by": vars{"clickId": click}, "text": " Why? ", "evidenceUrl": "https://blog.example/order.png"})
	id := asked.id("openDispute", "dispute", "id")
	if got := asked.at("openDispute", "dispute", "clickId"); got != click || asked.at("openDispute", "dispute", "status") != "OPEN" {
		t.Errorf("%v", asked.Data)
	}
	trace := asked.at("openDispute", "dispute", "trace").([]any)
	l.must(manager, "ApproveConversions", vars{"input": vars{"ids": []string{conversion}, "reason": "found it"}})

	for _, tt := range []struct {
		name  string
		got   *answer
		field string
		want  string
	}{
		{"an advertiser asks", open(l.asShop, vars{"by": vars{"transactionId": "1"}, "text": "Why?"}), "openDispute", "FORBIDDEN"},
		{"another's click", open(l.asRival, vars{"by": vars{"clickId": click}, "text": "Why?"}), "openDispute", "NOT_FOUND "},
		{"staff for nobody", open(manager, vars{"by": vars{"transactionId": "1"}, "text": "Why?"}), "openDispute", "BAD_USER_INPUT affiliateId"},
		{"for another", open(l.asBlog, vars{"by": vars{"transactionId": "1"}, "text": "Why?", "affiliateId": l.rival}), "openDispute", "NOT_FOUND "},
		{"nothing said", open(l.asBlog, vars{"by": vars{"transactionId": "1"}, "text": " "}), "openDispute", "BAD_USER_INPUT text"},
		{"a link that is none", open(l.asBlog, vars{"by": vars{"transactionId": "1"}, "text": "Why?", "evidenceUrl": "javascript:alert(1)"}), "openDispute", "BAD_USER_INPUT evidenceUrl"},
		{"an affiliate decides", say(l.asBlog, vars{"id": id, "text": "So it is.", "decision": "ACCEPTED"}), "answerDispute", "FORBIDDEN"},
		{"another affiliate speaks", say(l.asRival, vars{"id": id, "text": "Me, too."}), "answerDispute", "NOT_FOUND id"},
		{"an advertiser speaks", say(l.asShop, vars{"id": id, "text": "No."}), "answerDispute", "NOT_FOUND id"},
	} {
		code := tt.got.code()
		if code == "" {
			code = tt.got.mistake(tt.field)
		}
		if code != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, code, tt.want)
		}
	}
	say(manager, vars{"id": id, "text": "We look into it."})
	say(l.asBlog, vars{"id": id, "text": "Thank you."})
	decided := say(manager, vars{"id": id, "text": "You are right.", "decision": "ACCEPTED"})
	if decided.at("answerDispute", "dispute", "status") != "ACCEPTED" {
		t.Errorf("%v %+v", decided.Data, decided.Errors)
	}
	if got := say(l.asBlog, vars{"id": id, "text": "One more thing."}).mistake("answerDispute"); got != "CONFLICT " {
		t.Errorf("after it was decided: %q", got)
	}

	const read = `query($id: ID!) { node(id: $id) { ... on Dispute { status trace { kind } entries { byStaff text decision } } } }`
	want := map[string]any{
		"status": "ACCEPTED", "trace": trace,
		"entries": []any{
			map[string]any{"byStaff": false, "text": "Why?", "decision": nil},
			map[string]any{"byStaff": true, "text": "We look into it.", "decision": nil},
			map[string]any{"byStaff": false, "text": "Thank you.", "decision": nil},
			map[string]any{"byStaff": true, "text": "You are right.", "decision": "ACCEPTED"},
		},
	}
	for _, actor := range []proofback.Actor{manager, l.asBlog} {
		if diff := cmp.Diff(want, l.do(actor, read, vars{"id": id}).at("node")); diff != "" {
			t.Errorf("%s: %s", actor.Role, diff)
		}
	}
	for _, actor := range []proofback.Actor{l.asRival, l.asShop} {
		if got := l.do(actor, read, vars{"id": id}); got.at("node") != nil {
			t.Errorf("%s sees it: %v", actor.Role, got.Data)
		}
		if got := l.do(actor, `{ disputes { edges { node { id } } } }`, nil); len(got.at("disputes", "edges").([]any)) != 0 {
			t.Errorf("%s sees it: %v", actor.Role, got.Data)
		}
	}
	notices := func(actor proofback.Actor) (list []string) {
		for _, e := range l.do(actor, `{ notices { edges { node { kind affiliate { id } dispute { id } } } } }`, nil).at("notices", "edges").([]any) {
			n := e.(map[string]any)["node"].(map[string]any)
			if d, _ := n["dispute"].(map[string]any); d == nil || d["id"] != id {
				t.Errorf("%v is about no dispute", n)
			}
			if (n["affiliate"] == nil) == (actor == l.asBlog) {
				t.Errorf("%s: %v", actor.Role, n)
			}
			list = append(list, n["kind"].(string))
		}
		return list
	}
	if diff := cmp.Diff([]string{"DISPUTE_ANSWERED", "DISPUTE_ANSWERED"}, notices(l.asBlog)); diff != "" {
		t.Error(diff)
	}
	all := l.do(manager, `{ notices { edges { node { kind } } } }`, nil).at("notices", "edges").([]any)
	if len(all) != 4 {
		t.Errorf("%d notices, want two for each side", len(all))
	}
	for _, sql := range []string{
		`UPDATE disputes SET status = 'OPEN', decided_at = NULL`, `UPDATE disputes SET txid = 'x'`, `DELETE FROM dispute_entries`, `UPDATE dispute_entries SET text = ''`,
	} {
		if _, err := l.store.Pool().Exec(t.Context(), sql); err == nil {
			t.Errorf("%s is let through", sql)
		}
	}
}
