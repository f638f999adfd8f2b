package graph_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

func TestDiagnosticsSayWhatGoesWrongForWhom(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	click := l.click(l.blog)
	l.sale(click, "1")
	for i := range 3 {
		if p := l.postback(click, fmt.Sprint("event_type=purchase&txid=", i)); p.Reason != proofback.ReasonUnknownEvent {
			t.Fatalf("%s: %s", p.Reason, p.Message)
		}
	}
	from := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	v := vars{"filter": vars{"from": from}}
	for _, tt := range []struct {
		name       string
		actor      proofback.Actor
		advertiser any
		url        bool
	}{{"staff", manager, l.shop, true}, {"advertiser", l.asShop, l.shop, true}, {"affiliate", l.asBlog, nil, false}} {
		got := l.must(tt.actor, "Diagnostics", v)
		list := got.at("diagnostics").([]any)
		if len(list) != 1 {
			t.Fatalf("%s: %v", tt.name, got.Data)
		}
		d := list[0].(map[string]any)
		if d["reason"] != "UNKNOWN_EVENT" || d["count"] != 3.0 || d["share"] != 0.75 || d["advice"] != proofback.Advice(proofback.ReasonUnknownEvent) {
			t.Errorf("%s: %v", tt.name, d)
		}
		if got.at("diagnostics", 0, "offer", "id") != l.public {
			t.Errorf("%s: offer %v", tt.name, d["offer"])
		}
		if a, _ := d["advertiser"].(map[string]any); a != nil && a["id"] != tt.advertiser || (a == nil) != (tt.advertiser == nil) {
			t.Errorf("%s: advertiser %v", tt.name, d["advertiser"])
		}
		examples := d["examples"].([]any)
		if len(examples) != 3 || (examples[0].(map[string]any)["url"] != nil) != tt.url {
			t.Errorf("%s: examples %v", tt.name, examples)
		}
	}
	for _, other := range []proofback.Actor{l.asOther, l.asRival} {
		if got := l.must(other, "Diagnostics", v); len(got.at("diagnostics").([]any)) != 0 {
			t.Errorf("another %s: %v", other.Role, got.Data)
		}
	}
	if got := l.run(manager, "Diagnostics", vars{"filter": vars{"from": "2026-01-01T00:00:00Z", "to": "2026-06-01T00:00:00Z"}}); got.code() != "BAD_USER_INPUT" {
		t.Errorf("five months: %v %+v", got.Data, got.Errors)
	}
	if got := l.run(manager, "Diagnostics", vars{"filter": vars{"offerId": l.shop}}); got.code() != "BAD_USER_INPUT" {
		t.Errorf("no offer: %v %+v", got.Data, got.Errors)
	}
}

func TestPatternsOfClicksAreShownWithClicks(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	click := l.click(l.blog)
	id, _ := l.keys.Parse(click)
	at := time.Now().UTC().Add(-25 * time.Hour)
	signal := proofback.PixelSignal{ID: uuid.Must(uuid.NewV7()), At: at, ClickID: id}
	floor := proofback.UUIDFloor(at)
	copy(signal.ID[:6], floor[:6])
	if err := l.store.RecordPixelSignals(t.Context(), []proofback.PixelSignal{signal}); err != nil {
		t.Fatal(err)
	}
	got := l.do(l.asBlog, `{ diagnostics(filter: {}) { reason count advice affiliate { id } trackingLink { id } clicks { clickId } examples { id } } }`, nil)
	if got.at("diagnostics", 0, "reason") != "PIXEL_WITHOUT_POSTBACK" || got.at("diagnostics", 0, "clicks", 0, "clickId") != click {
		t.Errorf("%v %+v", got.Data, got.Errors)
	}
}
