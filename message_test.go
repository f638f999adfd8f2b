package proofback

import (
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

func message() *Message {
	id := func(b byte) uuid.UUID { return uuid.UUID{15: b} }
	return &Message{
		Delivery: &Delivery{ID: id(1), Event: StatusPending},
		Conversion: &Conversion{
			ID: id(2), OfferID: id(3), AffiliateID: id(4), EventType: "sale", TxID: "T&1=2", Status: StatusApproved,
			EventAt: time.Date(2026, 11, 22, 11, 0, 0, 0, time.FixedZone("CET", 3600)),
			Payout:  Money{"3.50", "EUR"}, Revenue: Money{"9.99", "EUR"},
		},
		Click:   &Click{Source: "news letter", Subs: [10]string{"a/b", 9: "zehn€"}},
		ClickID: "CLICK",
	}
}

func TestMessageFillsEveryMacroEncoded(t *testing.T) {
	t.Parallel()
	m := message()
	template := "https://t.example/in?x=1"
	for _, name := range DestinationMacros.Names() {
		template += "&" + name + "={" + name + "}"
	}
	filled, err := m.URL(template)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(filled)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name, values := range u.Query() {
		got[name] = values[0]
	}
	want := map[string]string{
		"x": "1", "click_id": "CLICK", "txid": "T&1=2", "event_type": "sale", "status": "pending", "payout": "3.50", "currency": "EUR",
		"offer_id":      GlobalID(KindOffer, m.Conversion.OfferID),
		"affiliate_id":  GlobalID(KindAffiliate, m.Conversion.AffiliateID),
		"conversion_id": GlobalID(KindConversion, m.Conversion.ID),
		"timestamp":     "2026-11-22T10:00:00Z", "source": "news letter", "delivery_id": m.IdempotencyKey(),
		"sub1": "a/b", "sub2": "", "sub3": "", "sub4": "", "sub5": "", "sub6": "", "sub7": "", "sub8": "", "sub9": "", "sub10": "zehn€",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	var body map[string]string
	if err := json.Unmarshal(m.Body(), &body); err != nil {
		t.Fatal(err)
	}
	for name, value := range want {
		if value == "" || name == "x" {
			delete(want, name)
		}
	}
	if diff := cmp.Diff(want, body); diff != "" {
		t.Errorf("body, -want +got:\n%s", diff)
	}
}

func TestMessageTellsNothingBesideItsMacros(t *testing.T) {
	t.Parallel()
	m := &Message{Delivery: &Delivery{}, Conversion: &Conversion{}, Click: &Click{}}
	if _, err := m.URL("ftp://t.example/"); err == nil {
		t.Error("a template that is no web URL is filled in")
	}
	if m.Macro("revenue") != "" || m.Macro("sub11") != "" {
		t.Error("there is a macro that should not be")
	}
}
