package graph_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proofback/proofback"
)

func TestAConversionLeadsToAllThatBelongsToIt(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	click := l.click(l.blog)
	conversion := l.sale(click, "1")
	_, err := l.store.Pool().Exec(t.Context(), `
		INSERT INTO attempts (delivery_id, affiliate_id, number, at, url, outcome, response_status, response_body, duration, error)
		SELECT d.id, d.affiliate_id, 1, now(), 'https://blog.example/?s=pending', 'SERVER_ERROR', 503, '', interval '12.5 ms', 'try later'
		FROM deliveries AS d
		UNION ALL
		SELECT d.id, d.affiliate_id, 2, now(), 'https://blog.example/?s=pending', 'TIMEOUT', NULL, NULL, interval '10 s', 'no answer'
		FROM deliveries AS d`)
	if err != nil {
		t.Fatal(err)
	}
	const query = `query($id: ID!) { node(id: $id) { ... on Conversion {
		goal { eventType payout { amount } revenue { amount } }
		click { clickId }
		transitions { postback { advertiser { id } conversion { id } replayOf { id } } }
		deliveries { url conversion { id } affiliatePostback { urlTemplate } attempts { url outcome responseStatus responseBody durationMs error } }
	} } }`
	type object = map[string]any
	for actor, want := range map[proofback.Actor]object{
		manager:  {"payout": object{"amount": secretPayout}, "revenue": object{"amount": secretRevenue}},
		l.asBlog: {"payout": object{"amount": secretPayout}, "revenue": nil},
		l.asShop: {"payout": nil, "revenue": object{"amount": secretRevenue}},
	} {
		want["eventType"] = "sale"
		deliveries := []any{object{
			"url": "https://blog.example/?s=pending", "conversion": object{"id": conversion},
			"affiliatePostback": object{"urlTemplate": "https://blog.example/?s={status}"},
			"attempts": []any{
				object{"url": "https://blog.example/?s=pending", "outcome": "SERVER_ERROR", "responseStatus": 503.0, "responseBody": "", "durationMs": 12.5, "error": "try later"},
				object{"url": "https://blog.example/?s=pending", "outcome": "TIMEOUT", "responseStatus": nil, "responseBody": nil, "durationMs": 10000.0, "error": "no answer"},
			},
		}}
		if actor == l.asShop {
			deliveries = []any{}
		}
		got := l.do(actor, query, vars{"id": conversion})
		if len(got.Errors) > 0 {
			t.Fatalf("%s: %+v", actor.Role, got.Errors)
		}
		if diff := cmp.Diff(object{
			"goal":  want,
			"click": object{"clickId": click},
			"transitions": []any{object{"postback": object{
				"advertiser": object{"id": l.shop}, "conversion": object{"id": conversion}, "replayOf": nil,
			}}},
			"deliveries": deliveries,
		}, got.at("node")); diff != "" {
			t.Errorf("%s: %s", actor.Role, diff)
		}
	}
}

func TestAClickThatTestsAnIntegrationShowsWithoutLinkAndAffiliate(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	test, err := l.store.StartIntegrationTest(t.Context(), l.asShop, key(t, l.public))
	if err != nil {
		t.Fatal(err)
	}
	click := l.keys.Encode(test.Click.ID)
	if p := l.postback(click, "event_type=sale&txid=1"); p.Reason != proofback.ReasonAccepted {
		t.Fatalf("%s: %s", p.Reason, p.Message)
	}
	for _, actor := range []proofback.Actor{manager, l.asShop} {
		node := l.must(actor, "Clicks", vars{"filter": vars{"clickId": click}}).at("clicks", "edges", 0, "node").(map[string]any)
		if node["affiliate"] != nil || node["trackingLink"] != nil || node["landingUrl"] != "https://shop.example/?cid="+click {
			t.Errorf("%s: %v", actor.Role, node)
		}
		if rows := l.must(actor, "Clicks", nil).at("clicks", "edges").([]any); len(rows) != 0 {
			t.Errorf("%s: it is listed among real ones", actor.Role)
		}
		const query = `query($by: TraceBy!) { trace(by: $by) { click { affiliate { id } } conversions { affiliate { id } status } } }`
		got := l.do(actor, query, vars{"by": vars{"clickId": click}})
		if len(got.Errors) > 0 || got.at("trace", "conversions", 0, "affiliate") != nil {
			t.Errorf("%s: %v %+v", actor.Role, got.Data, got.Errors)
		}
	}
}
