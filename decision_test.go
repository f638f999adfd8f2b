package proofback

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

var testNow = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// id makes ids that tests can name.
func id(n byte) uuid.UUID { return uuid.UUID{0: 0x01, 6: 0x70, 8: 0x80, 15: n} }

const (
	idAdvertiser = iota + 1
	idOffer
	idAffiliate
	idTerms
	idClick
	idSale
	idLead
	idDeposit
	idOnce
	idUpsell
	idRequest
	idOther
)

func testTerms() *Terms {
	eur := func(amount Decimal) Price { return Price{Model: PriceFixed, Amount: amount, Currency: "EUR"} }
	return &Terms{
		ID: id(idTerms), OfferID: id(idOffer), AdvertiserID: id(idAdvertiser), Version: 3,
		Status: OfferActive, Access: OfferPublic, AttributionWindowHours: 48,
		Goals: []Goal{
			{ID: id(idSale), EventType: "sale", Payout: Price{Model: PricePercent, Percent: "10"}, Revenue: Price{Model: PricePercent, Percent: "12.5"}, Approval: ApprovalManual, DedupeWindowMinutes: 60},
			{ID: id(idLead), EventType: "lead", Payout: eur("2.50"), Revenue: eur("4"), Approval: ApprovalAuto, DedupeWindowMinutes: 60, WindowHours: 1},
			{ID: id(idDeposit), EventType: "deposit", Payout: Price{Model: PricePostback}, Revenue: Price{Model: PricePostback, Currency: "EUR"}, Approval: ApprovalManual, TransactionIDRequired: true, MinimumAmount: Money{"20", "EUR"}},
			{ID: id(idOnce), EventType: "install", Payout: eur("1"), Revenue: eur("2"), Approval: ApprovalAuto, OncePerClick: true, DedupeWindowMinutes: 60},
			{ID: id(idUpsell), EventType: "upsell", Payout: eur("1"), Revenue: eur("2"), Approval: ApprovalAuto, Requires: "lead", WhenPrerequisiteMissing: PrerequisiteReject, DedupeWindowMinutes: 60},
		},
	}
}

func testClick() *Click {
	return &Click{
		ID: id(idClick), At: testNow.Add(-30 * time.Minute), OfferID: id(idOffer), AffiliateID: id(idAffiliate),
		AdvertiserID: id(idAdvertiser), TermsID: id(idTerms),
	}
}

// testRequest is a request that is in order but for what edit does to it.
func testRequest(edit func(*Request)) *Request {
	r := &Request{
		ID: id(idRequest), ReceivedAt: testNow, ClickIDState: ClickIDWhole, ClickID: id(idClick),
		Claim: Claim{ClickID: "X", TxID: "t-1", EventType: "sale", Amount: "100", Currency: "EUR"},
	}
	if edit != nil {
		edit(r)
	}
	return r
}

func testFacts(known ...*Conversion) *Facts {
	return &Facts{
		Click: testClick(), Terms: testTerms(), Known: known, Currency: "EUR",
		ConversionID: uuid.New(), TransitionID: uuid.New(),
	}
}

// stored is the conversion that a request would have left.
func stored(t *testing.T, r *Request, f *Facts) *Conversion {
	t.Helper()
	d := Decide(r, f)
	if d.Made == nil {
		t.Fatalf("nothing was made: %s %s", d.Reason, d.Message)
	}
	return d.Made
}

func TestEveryReasonHasOneAnswer(t *testing.T) {
	t.Parallel()
	problem := func(reason Reason) func(*Request) {
		return func(r *Request) { r.Problems = []Problem{{Reason: reason, Parameter: "x", Detail: "seen"}} }
	}
	withKnown := func(edit func(*Conversion)) func(*testing.T, *Facts) {
		return func(t *testing.T, f *Facts) {
			c := stored(t, testRequest(nil), testFacts())
			if edit != nil {
				edit(c)
			}
			f.Known = []*Conversion{c}
		}
	}
	tests := []struct {
		name    string
		request func(*Request)
		facts   func(*testing.T, *Facts)
		reason  Reason
		result  Result
		http    int
		status  Status // of the conversion made, moved or repeated; "" for none
		says    string
	}{
		{"a new event", nil, nil, ReasonAccepted, ResultAccepted, 200, StatusPending, "new pending"},
		{"an unreadable request", problem(ReasonBadRequest), nil, ReasonBadRequest, ResultRejected, 400, "", "seen"},
		{"conflicting parameters", problem(ReasonConflictingParameters), nil, ReasonConflictingParameters, ResultRejected, 400, "", "seen"},
		{"a macro", problem(ReasonUnresolvedMacro), nil, ReasonUnresolvedMacro, ResultRejected, 400, "", "seen"},
		{"a large body", problem(ReasonBodyTooLarge), nil, ReasonBodyTooLarge, ResultRejected, 413, "", "seen"},
		{"a strange body", problem(ReasonUnsupportedMediaType), nil, ReasonUnsupportedMediaType, ResultRejected, 415, "", "seen"},
		{"an amount that is none", problem(ReasonInvalidAmount), nil, ReasonInvalidAmount, ResultRejected, 400, "", "seen"},
		{"a currency that is none", problem(ReasonInvalidCurrency), nil, ReasonInvalidCurrency, ResultRejected, 400, "", "seen"},
		{"a status that is none", problem(ReasonInvalidStatus), nil, ReasonInvalidStatus, ResultRejected, 400, "", "seen"},
		{"a time that is none", problem(ReasonInvalidTimestamp), nil, ReasonInvalidTimestamp, ResultRejected, 400, "", "seen"},
		{"no click id", func(r *Request) { r.Claim.ClickID, r.ClickIDState = "", ClickIDForeign }, nil, ReasonMissingClickID, ResultRejected, 400, "", "no click_id"},
		{"no click id but a hint", func(r *Request) { r.Claim.ClickID, r.ClickIDState, r.Hint = "", ClickIDForeign, "map cid" }, nil, ReasonMissingClickID, ResultRejected, 400, "", "map cid"},
		{"a damaged click id", func(r *Request) { r.ClickIDState = ClickIDDamaged }, nil, ReasonDamagedClickID, ResultRejected, 400, "", "cut short"},
		{"a forged click id", func(r *Request) { r.ClickIDState = ClickIDForged }, nil, ReasonForgedClickID, ResultRejected, 404, "", "not one"},
		{"somebody else's click id", func(r *Request) { r.ClickIDState = ClickIDForeign }, nil, ReasonForgedClickID, ResultRejected, 404, "", "not one"},
		{"a click that is not stored", nil, func(_ *testing.T, f *Facts) { f.Click = nil }, ReasonUnknownClick, ResultRejected, 404, "", "no click"},
		{"a click in a spool", nil, inSpool, ReasonClickNotYetStored, ResultDeferred, 202, "", "waits"},
		{"a click in a spool, and values that only its advertiser's names tell", func(r *Request) { r.Claim.EventType = "" }, inSpool, ReasonClickNotYetStored, ResultDeferred, 202, "", "waits"},
		{"a click in a spool, and a wrong value at the own endpoint", func(r *Request) { r.Endpoint, r.Claim.EventType = id(idAdvertiser), "" }, inSpool, ReasonMissingEvent, ResultRejected, 400, "", "event_type"},
		{"a click that was waited for in vain", nil, func(t *testing.T, f *Facts) { inSpool(t, f); f.LastLook = true }, ReasonUnknownClick, ResultRejected, 404, "", "no click"},
		{"another advertiser's endpoint", func(r *Request) { r.Endpoint = id(idOther) }, nil, ReasonUnknownClick, ResultRejected, 404, "", "endpoint"},
		{"the advertiser's own endpoint", func(r *Request) { r.Endpoint = id(idAdvertiser) }, nil, ReasonAccepted, ResultAccepted, 200, StatusPending, ""},
		{"no event", func(r *Request) { r.Claim.EventType = "" }, nil, ReasonMissingEvent, ResultRejected, 400, "", "event_type"},
		{"an event that is no goal", func(r *Request) { r.Claim.EventType = "Sale " }, nil, ReasonUnknownEvent, ResultRejected, 422, "", "sale, lead"},
		{"no transaction id where one is needed", func(r *Request) { r.Claim.EventType, r.Claim.TxID = "deposit", "" }, nil, ReasonMissingTransactionID, ResultRejected, 400, "", "txid"},
		{"an amount without a currency", func(r *Request) { r.Claim.Currency = "" }, nil, ReasonMissingCurrency, ResultRejected, 400, "", "ISO 4217"},
		{"no amount for a percentage", func(r *Request) { r.Claim.Amount = "" }, nil, ReasonMissingAmount, ResultRejected, 400, "", "10 %"},
		{"no payout to take", func(r *Request) { r.Claim.EventType, r.Claim.Revenue = "deposit", "3" }, nil, ReasonMissingAmount, ResultRejected, 400, "", "send payout"},
		{"a revenue in the wrong currency", func(r *Request) {
			r.Claim = Claim{ClickID: "X", TxID: "d", EventType: "deposit", Amount: "100", Payout: "5", Revenue: "7", Currency: "USD"}
		}, nil, ReasonInvalidCurrency, ResultRejected, 400, "", "agreed in EUR"},
		{"an event too far ahead", func(r *Request) { r.Claim.EventAt = testNow.Add(5*time.Minute + time.Second) }, nil, ReasonInvalidTimestamp, ResultRejected, 400, "", "ahead"},
		{"an event just ahead", func(r *Request) { r.Claim.EventAt = testNow.Add(5 * time.Minute) }, nil, ReasonAccepted, ResultAccepted, 200, StatusPending, ""},
		{"an event before its click", func(r *Request) { r.Claim.EventAt = testNow.Add(-31 * time.Minute) }, nil, ReasonOutsideWindow, ResultRejected, 422, StatusRejected, "before its click"},
		{"a sale that came before its click, as clocks differ", nil, func(_ *testing.T, f *Facts) { f.Click.At = testNow.Add(time.Second) }, ReasonAccepted, ResultAccepted, 200, StatusPending, ""},
		{"an event after the goal's window", func(r *Request) { r.Claim.EventType = "lead" }, func(_ *testing.T, f *Facts) { f.Click.At = testNow.Add(-61 * time.Minute) }, ReasonOutsideWindow, ResultRejected, 422, StatusRejected, "1h0m0s only"},
		{"an event after the offer's window", nil, func(_ *testing.T, f *Facts) { f.Click.At = testNow.Add(-48*time.Hour - time.Second) }, ReasonOutsideWindow, ResultRejected, 422, StatusRejected, "48h0m0s only"},
		{"an event at the window's end", nil, func(_ *testing.T, f *Facts) { f.Click.At = testNow.Add(-48 * time.Hour) }, ReasonAccepted, ResultAccepted, 200, StatusPending, ""},
		{"an amount below the minimum", func(r *Request) {
			r.Claim = Claim{ClickID: "X", TxID: "d", EventType: "deposit", Amount: "19.99", Payout: "5", Revenue: "7", Currency: "EUR"}
		}, nil, ReasonBelowThreshold, ResultRejected, 422, StatusRejected, "below the minimum"},
		{"a click that was not sent on", nil, func(_ *testing.T, f *Facts) { f.Click.Outcome = ClickOfferPaused }, ReasonOfferInactive, ResultRejected, 422, StatusRejected, "OFFER_PAUSED"},
		{"a missing prerequisite", func(r *Request) { r.Claim.EventType = "upsell" }, nil, ReasonPrerequisiteMissing, ResultRejected, 422, StatusRejected, "lead"},
		{"a missing prerequisite that is waited for", func(r *Request) { r.Claim.EventType = "upsell" }, func(_ *testing.T, f *Facts) { f.Terms.Goals[4].WhenPrerequisiteMissing = PrerequisiteWait }, ReasonPrerequisiteMissing, ResultDeferred, 202, "", "waits"},
		{"the same event again", nil, withKnown(nil), ReasonDuplicate, ResultDuplicate, 200, StatusPending, "known already"},
		{"the same event, amount written differently", func(r *Request) { r.Claim.Amount = "100.00" }, withKnown(nil), ReasonDuplicate, ResultDuplicate, 200, StatusPending, ""},
		{"the same event without its amount", func(r *Request) { r.Claim.Amount = "" }, withKnown(nil), ReasonDuplicate, ResultDuplicate, 200, StatusPending, ""},
		{"the same event after its window", func(r *Request) { r.ReceivedAt = testNow.Add(90 * 24 * time.Hour) }, withKnown(nil), ReasonDuplicate, ResultDuplicate, 200, StatusPending, ""},
		{"the same transaction with another amount", func(r *Request) { r.Claim.Amount = "101" }, withKnown(nil), ReasonTransactionConflict, ResultRejected, 409, StatusPending, "100 instead of 101"},
		{"the same transaction in another currency", func(r *Request) { r.Claim.Currency = "USD" }, withKnown(nil), ReasonTransactionConflict, ResultRejected, 409, StatusPending, "EUR instead of USD"},
		{"the same transaction of another click", nil, withKnown(func(c *Conversion) { c.ClickID = id(idOther) }), ReasonTransactionConflict, ResultRejected, 409, StatusPending, "another click"},
		{"approval of a pending one", func(r *Request) { r.Claim.Status = StatusApproved }, withKnown(nil), ReasonStatusUpdated, ResultUpdated, 200, StatusApproved, "pending and is approved"},
		{"rejection of a pending one", func(r *Request) { r.Claim.Status = StatusRejected }, withKnown(nil), ReasonStatusUpdated, ResultUpdated, 200, StatusRejected, ""},
		{"reversal by postback", func(r *Request) { r.Claim.Status = StatusRejected }, withKnown(func(c *Conversion) { c.Status = StatusApproved }), ReasonInvalidTransition, ResultRejected, 409, StatusApproved, "staff"},
		{"revival by postback", func(r *Request) { r.Claim.Status = StatusApproved }, withKnown(func(c *Conversion) { c.Status = StatusRejected }), ReasonInvalidTransition, ResultRejected, 409, StatusRejected, "staff"},
		{"a late retry of the pending request", func(r *Request) { r.Claim.Status = StatusPending }, withKnown(func(c *Conversion) { c.Status = StatusApproved }), ReasonDuplicate, ResultDuplicate, 200, StatusApproved, ""},
		{"a wish to go back to pending", func(r *Request) { r.Claim.Status = StatusPending }, withKnown(func(c *Conversion) { c.Status, c.Began = StatusApproved, StatusApproved }), ReasonInvalidTransition, ResultRejected, 409, StatusApproved, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := testFacts()
			if tt.facts != nil {
				tt.facts(t, f)
			}
			d := Decide(testRequest(tt.request), f)
			if d.Reason != tt.reason || d.Result != tt.result || d.HTTPStatus() != tt.http || d.Status != tt.status {
				t.Fatalf("got %s %s %d %q (%s), want %s %s %d %q", d.Reason, d.Result, d.HTTPStatus(), d.Status, d.Message, tt.reason, tt.result, tt.http, tt.status)
			}
			if !strings.Contains(d.Message, tt.says) {
				t.Errorf("message %q does not say %q", d.Message, tt.says)
			}
			if kept := d.Made != nil; kept != (d.Result == ResultAccepted || d.Result == ResultRejected && d.Status == StatusRejected && len(f.Known) == 0) {
				t.Errorf("conversion kept: %v", kept)
			}
			if last := d.Checks[len(d.Checks)-1]; d.Result == ResultRejected && (last.Passed || last.Detail != d.Message) {
				t.Errorf("the last check %+v does not say why", last)
			}
		})
	}
}

// inSpool takes the click out of the database and into a spool.
func inSpool(_ *testing.T, f *Facts) { f.Click, f.ClickSpooled = nil, true }
