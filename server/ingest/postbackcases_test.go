package ingest

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

func terms(change func(*proofback.Terms)) func(*proofback.Advertiser, *proofback.Terms) {
	return func(_ *proofback.Advertiser, t *proofback.Terms) { change(t) }
}

func goal(change func(*proofback.Goal)) func(*proofback.Advertiser, *proofback.Terms) {
	return terms(func(t *proofback.Terms) { change(&t.Goals[0]) })
}

// afterLead has the sale need a lead.
func afterLead(missing proofback.MissingPrerequisite) func(*proofback.Advertiser, *proofback.Terms) {
	return terms(func(t *proofback.Terms) {
		lead := t.Goals[0]
		lead.EventType, lead.Name = "lead", "Lead"
		t.Goals = append(t.Goals, lead)
		t.Goals[0].Requires, t.Goals[0].WhenPrerequisiteMissing = "lead", missing
	})
}

// byGET is a request that only a query can be.
func byGET(query string) func(*party) *http.Request {
	return func(p *party) *http.Request { return request(http.MethodGet, "/postback?"+p.fill(query), "") }
}

// byGETOfSpooled is a request about a click that another process keeps in its spool.
func byGETOfSpooled(p *party) *http.Request {
	made := time.Now().Add(-2 * time.Hour).Truncate(time.Millisecond)
	id := uuid.Must(uuid.NewV7())
	floor := proofback.UUIDFloor(made)
	copy(id[:6], floor[:6])
	_, err := p.store.Pool().Exec(p.Context(), `
		INSERT INTO spools (id, since, until, seen_at)
		VALUES ($1, $2, $2, now() + interval '1 hour')`, id, made)
	p.must(err)
	return request(http.MethodGet, "/postback?event_type=sale&click_id="+p.keys.Encode(id), "")
}

// answerCases are requests that are not refused.
var answerCases = []postbackCase{
	{
		name: "a sale", query: sale,
		status: 200, result: "accepted", reason: "ACCEPTED", says: "new pending conversion", kept: []string{"PENDING"},
	},
	{
		name: "a sale that is approved at once", party: goal(func(g *proofback.Goal) { g.Approval = proofback.ApprovalAuto }), query: sale,
		status: 200, result: "accepted", reason: "ACCEPTED", kept: []string{"APPROVED"},
	},
	{
		name: "names that count without a mapping", query: "CLICK_ID={click}&transaction_id=1&Goal=sale&revenue=20.00&currency=eur&Status=Approved",
		status: 200, result: "accepted", reason: "ACCEPTED", kept: []string{"APPROVED"},
	},
	{
		name: "a sale that was refused by the shop", query: sale + "&status=rejected&reason=stolen+card",
		status: 200, result: "accepted", reason: "ACCEPTED", kept: []string{"REJECTED stolen card"},
	},
	{
		name: "the same again", before: []string{sale}, query: sale + "&status=pending",
		status: 200, result: "duplicate", reason: "DUPLICATE", kept: []string{"PENDING"},
	},
	{
		name: "the same again without a transaction id", before: []string{"click_id={click}&event=sale"}, query: "click_id={click}&event=sale",
		status: 200, result: "duplicate", reason: "DUPLICATE", says: "known already", kept: []string{"PENDING"},
	},
	{
		name: "another sale where one counts", party: goal(func(g *proofback.Goal) { g.OncePerClick = true }),
		before: []string{sale}, query: "click_id={click}&txid=2&event_type=sale",
		status: 200, result: "duplicate", reason: "DUPLICATE", says: "once per click", kept: []string{"PENDING"},
	},
	{
		name: "the sale was approved", before: []string{sale}, query: sale + "&status=APPROVED",
		status: 200, result: "updated", reason: "STATUS_UPDATED", says: "was pending and is approved", kept: []string{"APPROVED"},
	},
	{
		name: "the sale was refused", before: []string{sale}, query: sale + "&status=rejected&reason=returned",
		status: 200, result: "updated", reason: "STATUS_UPDATED", kept: []string{"REJECTED returned"},
	},
	{
		name: "a sale that waits for its lead", party: afterLead(proofback.PrerequisiteWait), query: sale,
		status: 202, result: "deferred", reason: "PREREQUISITE_MISSING", says: `needs a "lead" first`,
	},
	{
		name:  "a minimum in a currency without a rate",
		party: goal(func(g *proofback.Goal) { g.MinimumAmount = proofback.Money{Amount: "10", Currency: "USD"} }), query: sale,
		status: 202, result: "deferred", reason: "AWAITING_RATE", says: "no reference rate",
	},
	{
		name: "a click in a spool", request: byGETOfSpooled,
		status: 202, result: "deferred", reason: "CLICK_NOT_YET_STORED", says: "waits to be stored",
	},
}

// valueCases are requests whose values say nothing.
var valueCases = []postbackCase{
	{name: "no click id", query: "txid=1&event_type=sale", status: 400, result: "rejected", reason: "MISSING_CLICK_ID", says: "send the click id"},
	{
		name: "the click id under another name", query: "cid={click}&event_type=sale",
		status: 400, result: "rejected", reason: "MISSING_CLICK_ID", says: `parameter "cid" looks like a click id: map it to click_id for this advertiser`,
	},
	{
		name: "the click id as transaction id", query: "transaction_id={click}&event_type=sale",
		status: 400, result: "rejected", reason: "MISSING_CLICK_ID", says: `parameter "transaction_id" looks like a click id`,
	},
	{name: "an empty click id", query: "click_id=&event_type=sale", status: 400, result: "rejected", reason: "MISSING_CLICK_ID"},
	{name: "no event", query: "click_id={click}&txid=1", status: 400, result: "rejected", reason: "MISSING_EVENT", says: "event_type"},
	{
		name: "no transaction id where one is needed", party: goal(func(g *proofback.Goal) { g.TransactionIDRequired = true }),
		query:  "click_id={click}&event_type=sale",
		status: 400, result: "rejected", reason: "MISSING_TRANSACTION_ID", says: "send txid",
	},
	{name: "a macro for the click id", query: "click_id={clickid}&event_type=sale", status: 400, result: "rejected", reason: "UNRESOLVED_MACRO", says: `"click_id" is still a macro ({clickid})`},
	{name: "an encoded macro", query: "click_id=%7Bclick_id%7D&event_type=sale", status: 400, result: "rejected", reason: "UNRESOLVED_MACRO"},
	{name: "a macro for the amount", query: "click_id={click}&event_type=sale&amount=${AMOUNT}", status: 400, result: "rejected", reason: "UNRESOLVED_MACRO", says: `"amount"`},
	{name: "a macro in what is not used", query: sale + "&basket=__BASKET__", status: 400, result: "rejected", reason: "UNRESOLVED_MACRO", says: `"basket"`},
	{
		name: "a click id that was cut", request: func(p *party) *http.Request {
			return request(http.MethodGet, "/postback?event_type=sale&click_id="+p.click[:len(p.click)-3], "")
		},
		status: 400, result: "rejected", reason: "DAMAGED_CLICK_ID", says: "cut short or changed",
	},
	{name: "an amount with a comma", query: "click_id={click}&event_type=sale&currency=EUR&amount=12,50", status: 400, result: "rejected", reason: "INVALID_AMOUNT"},
	{name: "a negative amount", query: "click_id={click}&event_type=sale&currency=EUR&amount=-1", status: 400, result: "rejected", reason: "INVALID_AMOUNT"},
	{name: "an amount with an exponent", query: "click_id={click}&event_type=sale&currency=EUR&amount=1e3", status: 400, result: "rejected", reason: "INVALID_AMOUNT"},
	{name: "a revenue of 7 places", query: "click_id={click}&event_type=sale&currency=EUR&revenue=0.0000001", status: 400, result: "rejected", reason: "INVALID_AMOUNT", says: `"revenue"`},
	{name: "a payout of 13 digits", query: "click_id={click}&event_type=sale&currency=EUR&payout=1234567890123", status: 400, result: "rejected", reason: "INVALID_AMOUNT"},
	{
		name: "no amount to take a share of", party: goal(func(g *proofback.Goal) { g.Payout = proofback.Price{Model: proofback.PricePercent, Percent: "10"} }),
		query:  "click_id={click}&event_type=sale",
		status: 400, result: "rejected", reason: "MISSING_AMOUNT", says: "10 % of the amount",
	},
	{name: "no such currency", query: "click_id={click}&event_type=sale&amount=1&currency=EURO", status: 400, result: "rejected", reason: "INVALID_CURRENCY"},
	{
		name: "a payout in another currency than agreed", party: goal(func(g *proofback.Goal) { g.Payout = proofback.Price{Model: proofback.PricePostback, Currency: "EUR"} }),
		query:  "click_id={click}&event_type=sale&payout=1&currency=USD",
		status: 400, result: "rejected", reason: "INVALID_CURRENCY", says: "agreed in EUR",
	},
	{name: "an amount without a currency", query: "click_id={click}&event_type=sale&amount=1", status: 400, result: "rejected", reason: "MISSING_CURRENCY", says: "ISO 4217"},
	{name: "a word that is not mapped", query: sale + "&status=lead", status: 400, result: "rejected", reason: "INVALID_STATUS", says: "lead"},
	{name: "no time at all", query: sale + "&timestamp=yesterday", status: 400, result: "rejected", reason: "INVALID_TIMESTAMP"},
	{name: "letters that take fewer bytes in upper case for a time", query: sale + "&timestamp=%C4%B1%C4%B1%C4%B1%C4%B1%C4%B1%C4%B1%C4%B1%C4%B1%C4%B1%C4%B1", status: 400, result: "rejected", reason: "INVALID_TIMESTAMP"},
	{name: "a time that is to come", query: sale + "&timestamp=2099-01-01T00:00:00Z", status: 400, result: "rejected", reason: "INVALID_TIMESTAMP", says: "ahead of our clock"},
	{name: "two transaction ids", query: sale + "&transaction_id=2", status: 400, result: "rejected", reason: "CONFLICTING_PARAMETERS", says: `"txid" and "transaction_id"`},
	{name: "two amounts", query: sale + "&amount=21", status: 400, result: "rejected", reason: "CONFLICTING_PARAMETERS", says: "more than once"},
	{name: "what is no UTF-8", request: byGET(sale + "&sub1=%ff"), status: 400, result: "rejected", reason: "BAD_REQUEST", says: `"sub1" is not valid UTF-8`},
	{name: "a NUL", query: sale + "&sub1=%00", status: 400, result: "rejected", reason: "BAD_REQUEST", says: "NUL"},
	{name: "an endpoint that is nobody's", path: "/postback/nobody", query: sale, status: 400, result: "rejected", reason: "BAD_REQUEST", says: "no advertiser has this endpoint"},
}

// eventCases are requests that can be read, about what cannot be or does not count.
var eventCases = []postbackCase{
	{name: "a click that never was", query: "click_id={unknown}&event_type=sale", status: 404, result: "rejected", reason: "UNKNOWN_CLICK"},
	{name: "a click id that is not ours", query: "click_id=1234567890&event_type=sale", status: 404, result: "rejected", reason: "FORGED_CLICK_ID"},
	{name: "a click id of somebody else beside ours", query: "click_id=gclid-1&subid={click}&event_type=sale", status: 404, result: "rejected", reason: "FORGED_CLICK_ID", says: `"subid" looks like a click id`},
	{
		name: "another amount", before: []string{sale}, query: "click_id={click}&txid=1&event_type=sale&amount=21&currency=EUR",
		status: 409, result: "rejected", reason: "TRANSACTION_CONFLICT", says: "amount 20 instead of 21", kept: []string{"PENDING"},
	},
	{
		name: "another currency", before: []string{sale}, query: "click_id={click}&txid=1&event_type=sale&amount=20&currency=USD",
		status: 409, result: "rejected", reason: "TRANSACTION_CONFLICT", kept: []string{"PENDING"},
	},
	{
		name: "another click", before: []string{sale}, query: "click_id={other}&txid=1&event_type=sale&amount=20&currency=EUR",
		status: 409, result: "rejected", reason: "TRANSACTION_CONFLICT", says: "with another click", kept: []string{"PENDING"},
	},
	{
		name: "a reversal by the advertiser", before: []string{sale + "&status=approved"}, query: sale + "&status=rejected",
		status: 409, result: "rejected", reason: "INVALID_TRANSITION", says: "ask the network's staff", kept: []string{"APPROVED"},
	},
	{name: "an event that the offer has not", query: "click_id={click}&event_type=signup", status: 422, result: "rejected", reason: "UNKNOWN_EVENT", says: `no goal "signup": its goals are sale`},
	{
		name: "an event before its click", query: sale + "&timestamp=2020-01-01T00:00:00Z",
		status: 422, result: "rejected", reason: "OUTSIDE_WINDOW", says: "before its click", kept: []string{"REJECTED OUTSIDE_WINDOW"},
	},
	{
		name:  "too small an amount",
		party: goal(func(g *proofback.Goal) { g.MinimumAmount = proofback.Money{Amount: "20.01", Currency: "EUR"} }), query: sale,
		status: 422, result: "rejected", reason: "BELOW_THRESHOLD", says: "20.01 EUR", kept: []string{"REJECTED BELOW_THRESHOLD"},
	},
	{
		name: "a sale without its lead", party: afterLead(proofback.PrerequisiteReject), query: sale,
		status: 422, result: "rejected", reason: "PREREQUISITE_MISSING", says: `needs a "lead"`, kept: []string{"REJECTED PREREQUISITE_MISSING"},
	},
	{
		name: "a sale over the cap", party: terms(func(t *proofback.Terms) {
			t.Caps = []proofback.Cap{{Metric: proofback.CapConversions, Period: proofback.CapTotal, Limit: "1"}}
		}),
		before: []string{"click_id={other}&txid=0&event_type=sale"}, query: sale,
		status: 422, result: "rejected", reason: "CAP_REACHED", says: "total conversions cap of 1", kept: []string{"PENDING", "REJECTED CAP_REACHED"},
	},
	{
		name: "a click on a paused offer", party: terms(func(t *proofback.Terms) { t.Status = proofback.OfferPaused }), query: sale,
		status: 422, result: "rejected", reason: "OFFER_INACTIVE", says: "OFFER_PAUSED", kept: []string{"REJECTED OFFER_INACTIVE"},
	},
	{
		name: "a click over the offer's cap", party: terms(capClicks("1", "https://other.example/?click_id={click_id}")),
		query:  "click_id={other}&txid=1&event_type=sale",
		status: 422, result: "rejected", reason: "OFFER_INACTIVE", says: "CAP_REACHED", kept: []string{"REJECTED OFFER_INACTIVE"},
	},
}
