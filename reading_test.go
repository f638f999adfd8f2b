package proofback

import (
	"strings"
	"testing"
)

func TestPersonalDataIsGoneFromWhatIsReadAndEventsAreStillToldApart(t *testing.T) {
	t.Parallel()
	keys := testClickKeys(t)
	read := func(txid string) Reading {
		return ReadRequest(PostbackRequest{
			Method:   "GET",
			RawQuery: "click_id=" + keys.Encode(id(idClick)) + "&event_type=sale&txid=" + txid + "&sub2=jane@example.com&reason=call+%2B4915112345678&token=s3cret",
		}, Credentials{}, Sender{}, keys)
	}
	r := read("jane@example.com")
	if r.ClickIDState != ClickIDWhole || r.ClickID != id(idClick) {
		t.Fatalf("%v %s", r.ClickIDState, r.ClickID)
	}
	for _, stored := range append(r.Claim.Subs[:], r.Claim.Reason, r.Claim.TxID, r.Claim.EventType) {
		if strings.Contains(stored, "jane") || strings.Contains(stored, "4915") {
			t.Errorf("%q would be stored", stored)
		}
	}
	for _, p := range r.Parameters {
		if strings.Contains(p.Value, "jane") || strings.Contains(p.Value, "s3cret") || strings.Contains(p.Value, "4915") {
			t.Errorf("%+v would be logged", p)
		}
	}
	if again, other := read("jane@example.com"), read("john@example.com"); r.Claim.TxID != again.Claim.TxID || r.Claim.TxID == other.Claim.TxID {
		t.Errorf("pseudonyms %s, %s, %s", r.Claim.TxID, again.Claim.TxID, other.Claim.TxID)
	}
	if plain := read("T-1"); plain.Claim.TxID != "T-1" {
		t.Errorf("a plain transaction id became %q", plain.Claim.TxID)
	}
}

func TestAnAdvertisersNamesAndProofsApplyToItsRequests(t *testing.T) {
	t.Parallel()
	keys := testClickKeys(t)
	a := &Advertiser{ParameterMapping: []NameMapping{{From: "cid", To: "click_id"}}, StatusMapping: []StatusMapping{{From: "2", To: StatusApproved}}}
	raw := PostbackRequest{Method: "GET", RawQuery: "cid=" + keys.Encode(id(idClick)) + "&event=sale&status=2&token=abc"}
	r := ReadRequest(raw, Credentials{}, Sender{Advertiser: a, Guard: &Guard{Mode: SecurityToken, Secrets: []string{"abc"}}}, keys)
	if r.ClickIDState != ClickIDWhole || r.Claim.Status != StatusApproved || r.Refusal != nil || r.Mode != SecurityToken {
		t.Errorf("%+v", r)
	}
	r = ReadRequest(raw, Credentials{Token: "xyz"}, Sender{Advertiser: a, Guard: &Guard{Mode: SecurityToken, Secrets: []string{"abc"}}}, keys)
	if r.Refusal == nil || Decide(&r.Request, testFacts()).Reason != ReasonTokenInvalid {
		t.Errorf("a wrong token passes: %+v", r.Refusal)
	}
	r = ReadRequest(raw, Credentials{}, Sender{}, keys)
	if r.ClickIDState == ClickIDWhole || !strings.Contains(r.Hint, `"cid"`) {
		t.Errorf("without the mapping: %v, hint %q", r.ClickIDState, r.Hint)
	}
}
