package graph_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

func TestAClickShowsWhatIsKnownOfItsVisitor(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	click := l.click(l.blog)
	for actor, ip := range map[proofback.Actor]any{manager: "198.51.100.77", l.asBlog: "198.51.100.0", l.asShop: nil} {
		got := l.must(actor, "Clicks", vars{"filter": vars{"clickId": strings.ToLower(click)}}).at("clicks", "edges", 0, "node").(map[string]any)
		want := vars{
			"clickId": click, "country": "DE", "device": "MOBILE", "os": "iOS", "browser": "Safari", "bot": false,
			"flags": []any{}, "landingUrl": "https://shop.example/?cid=" + click, "ip": ip, "source": "newsletter",
			"subs":  []any{map[string]any{"index": float64(2), "value": "b"}},
			"offer": map[string]any{"id": l.public, "name": "Public"}, "affiliate": map[string]any{"id": l.blog, "name": "Blog"},
		}
		for field, value := range want {
			if diff := cmp.Diff(value, got[field]); diff != "" {
				t.Errorf("%s: %s: %s", actor.Role, field, diff)
			}
		}
		if link := got["trackingLink"].(map[string]any); link["id"] != l.links[l.blog] {
			t.Errorf("%s: %v", actor.Role, link)
		}
	}
}

func TestFiltersByClickIDFindNothingForWhatIsNoClickID(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	click := l.click(l.blog)
	l.sale(click, "1")
	for _, id := range []string{"", "nonsense", click[1:], uuid.Max.String(), l.keys.Encode(uuid.Must(uuid.NewV7()))} {
		for _, operation := range []string{"Clicks", "Conversions", "Postbacks"} {
			rows := l.must(manager, operation, vars{"filter": vars{"clickId": id}}).at(strings.ToLower(operation), "edges").([]any)
			if len(rows) != 0 {
				t.Errorf("%s of %q: %v", operation, id, rows)
			}
		}
		if got := l.must(manager, "Trace", vars{"by": vars{"clickId": id}}).at("trace"); got != nil {
			t.Errorf("trace of %q: %v", id, got)
		}
	}
}

func TestConversionsAreOrderedAndPaged(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	click := l.click(l.blog)
	for _, txid := range []string{"a", "b", "c"} {
		l.sale(click, txid)
	}
	ids := func(v vars) string {
		out := ""
		got := l.must(l.asShop, "Conversions", v)
		for i := range got.at("conversions", "edges").([]any) {
			out += got.id("conversions", "edges", i, "node", "transactionId")
		}
		return out
	}
	for _, tt := range []struct {
		field, direction string
		want             string
	}{{"EVENT_AT", "DESC", "cba"}, {"EVENT_AT", "ASC", "abc"}, {"RECEIVED_AT", "DESC", "cba"}, {"RECEIVED_AT", "ASC", "abc"}} {
		order := vars{"field": tt.field, "direction": tt.direction}
		first := l.must(l.asShop, "Conversions", vars{"first": 2, "orderBy": order})
		if first.at("conversions", "pageInfo", "hasNextPage") != true {
			t.Error("there is no next page")
		}
		rest := ids(vars{"first": 2, "orderBy": order, "after": first.id("conversions", "pageInfo", "endCursor")})
		if got := ids(vars{"first": 2, "orderBy": order}) + rest; got != tt.want {
			t.Errorf("%s %s: got %s, want %s", tt.field, tt.direction, got, tt.want)
		}
	}
	if got := ids(nil); got != "cba" {
		t.Errorf("left out: %s", got)
	}
	for _, bad := range []vars{
		{"filter": vars{"offerId": l.shop}}, {"filter": vars{"affiliateId": "x"}}, {"first": 101}, {"after": "x"},
	} {
		if got := l.run(manager, "Conversions", bad); got.code() != "BAD_USER_INPUT" {
			t.Errorf("%v: %+v", bad, got.Errors)
		}
	}
}

func TestEverythingIsANodeToWhomItConcerns(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.sale(l.click(l.blog), "1")
	first := func(operation string) string {
		return l.must(manager, operation, nil).id(strings.ToLower(operation), "edges", 0, "node", "id")
	}
	const query = `query($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }`
	ids := []string{}
	for _, operation := range []string{"Clicks", "Conversions", "Postbacks"} {
		ids = append(ids, l.must(manager, operation, nil).id(strings.ToLower(operation), "edges", 0, "node", "id"))
	}
	ids = append(ids, first("Deliveries"), unknownID(proofback.KindClick), unknownID(proofback.KindDelivery))
	for actor, want := range map[proofback.Actor]string{
		manager:   "Click Conversion Postback Delivery - -",
		l.asBlog:  "Click Conversion Postback Delivery - -",
		l.asShop:  "Click Conversion Postback - - -",
		l.asRival: "- - - - - -",
		l.asOther: "- - - - - -",
	} {
		got := l.do(actor, query, vars{"ids": ids})
		var types []string
		for _, node := range got.at("nodes").([]any) {
			name := "-"
			if n, ok := node.(map[string]any); ok {
				name = n["__typename"].(string)
			}
			types = append(types, name)
		}
		if diff := cmp.Diff(want, strings.Join(types, " ")); diff != "" {
			t.Errorf("%s: %s", actor.Role, diff)
		}
	}
}

func TestTraceFindsTheSameStoryByEveryKey(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	click := l.click(l.blog)
	p := l.postback(click, "event_type=sale&txid=T-1")
	conversion := proofback.GlobalID(proofback.KindConversion, p.ConversionID)
	err := l.store.RecordPixelSignals(t.Context(), []proofback.PixelSignal{{ID: uuid.Must(uuid.NewV7()), At: p.ReceivedAt, ClickID: p.ClickID, TxID: "T-1"}})
	if err != nil {
		t.Fatal(err)
	}
	l.must(manager, "ApproveConversions", vars{"input": vars{"ids": []string{conversion}}})
	for _, by := range []vars{
		{"clickId": click}, {"transactionId": "T-1"}, {"conversionId": conversion}, {"requestId": p.ID.String()},
	} {
		for _, actor := range []proofback.Actor{manager, l.asBlog, l.asShop} {
			got := l.must(actor, "Trace", vars{"by": by})
			told := 2
			if actor == l.asShop {
				told = 0
			}
			kinds := ""
			for _, entry := range got.at("trace", "timeline").([]any) {
				kinds += entry.(map[string]any)["kind"].(string) + " "
			}
			want := "CLICK PIXEL POSTBACK CONVERSION TRANSITION "
			if told > 0 {
				want += "DELIVERY TRANSITION DELIVERY "
			} else {
				want += "TRANSITION "
			}
			if kinds != want {
				t.Errorf("%v as %s: %s", by, actor.Role, kinds)
			}
			if got.at("trace", "click", "clickId") != click || got.at("trace", "postbacks", 0, "conversion", "id") != conversion ||
				got.at("trace", "pixelSignals", 0, "transactionId") != "T-1" || got.at("trace", "conversions", 0, "status") != "APPROVED" {
				t.Errorf("%v as %s: %v", by, actor.Role, got.Data)
			}
			if n := len(got.at("trace", "conversions", 0, "deliveries").([]any)); n != told {
				t.Errorf("%v as %s: %d deliveries", by, actor.Role, n)
			}
		}
		for _, actor := range []proofback.Actor{l.asRival, l.asOther} {
			if got := l.must(actor, "Trace", vars{"by": by}).at("trace"); got != nil {
				t.Errorf("%v as %s: %v", by, actor.Role, got)
			}
		}
	}
	for _, unknown := range []vars{
		{"transactionId": "T-2"}, {"transactionId": ""}, {"conversionId": unknownID(proofback.KindConversion)}, {"requestId": uuid.NewString()}, {"requestId": "x"},
	} {
		if got := l.must(manager, "Trace", vars{"by": unknown}).at("trace"); got != nil {
			t.Errorf("%v: %v", unknown, got)
		}
	}
	for _, bad := range []vars{{}, {"clickId": click, "transactionId": "T-1"}, {"conversionId": l.blog}} {
		if got := l.run(manager, "Trace", vars{"by": bad}); got.code() != "BAD_USER_INPUT" {
			t.Errorf("%v: %+v", bad, got.Errors)
		}
	}
}
