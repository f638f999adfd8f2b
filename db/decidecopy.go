package db

import (
	"encoding/binary"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// The rows that a decided batch leaves, in the order of the columns that each
// table's statements name.

var conversionsTable = newRowTable(`conversions`, `id, advertiser_id, offer_id, goal_id, affiliate_id, click_id, terms_id, postback_id,`+
	` event_type, txid, status, began, reason, event_at, received_at, click_at,`+
	` amount, amount_currency, payout, payout_currency, revenue, revenue_currency,`+
	` normal_payout, normal_revenue, normal_currency, rate_date, rate_source,`+
	` subs, claims, test, amount_is_revenue, settled_status`)

const conversionColumns = 32

func appendConversion(b []byte, c *proofback.Conversion) []byte {
	b = binary.BigEndian.AppendUint16(b, conversionColumns)
	for _, id := range [...]uuid.UUID{c.ID, c.AdvertiserID, c.OfferID, c.GoalID, c.AffiliateID, c.ClickID, c.TermsID, c.PostbackID} {
		b = appendUUID(b, id)
	}
	b = appendText(b, c.EventType)
	b = appendTextOrNull(b, c.TxID)
	b = appendText(b, string(c.Status))
	b = appendText(b, string(c.Began))
	b = appendText(b, c.Reason)
	b = appendTime(b, c.EventAt)
	b = appendTime(b, c.ReceivedAt)
	b = appendTime(b, c.ClickAt)
	for _, m := range [...]proofback.Money{c.Amount, c.Payout, c.Revenue} {
		b = appendDecimal(b, m.Amount)
		b = appendTextOrNull(b, m.Currency)
	}
	n := &c.Normalized
	b = appendDecimal(b, n.Payout.Amount)
	b = appendDecimal(b, n.Revenue.Amount)
	b = appendTextOrNull(b, n.Payout.Currency)
	if n.RateDate.IsZero() {
		b = appendNull(b)
	} else {
		b = appendDate(b, n.RateDate)
	}
	b = appendTextOrNull(b, n.RateSource)
	b = appendSubs(b, c.Subs[:])
	b = appendSpan(b, c.Claims)
	b = appendBool(b, c.Test)
	b = appendBool(b, c.AmountIsRevenue)
	if c.Late {
		return appendText(b, settledNone)
	}
	return appendNull(b)
}

// settledNone is the settled_status of a conversion that came when its month was
// closed.
const settledNone = "NONE"

// storedBy appends the transaction that stores a row, which is its last column. Left to its
// default it would be found out anew for each.
func storedBy[T any](xact int64, appendRow func([]byte, *T) []byte) func([]byte, *T) []byte {
	return func(b []byte, r *T) []byte { return appendInt8(appendRow(b, r), xact) }
}

var transitionsTable = newRowTable(`transitions`, `id, conversion_id, advertiser_id, affiliate_id,`+
	` from_status, to_status, at, by_kind, by_user, reason, postback_id, xact`)

const transitionColumns = 12

func appendTransition(b []byte, t *proofback.Transition) []byte {
	b = binary.BigEndian.AppendUint16(b, transitionColumns)
	for _, id := range [...]uuid.UUID{t.ID, t.ConversionID, t.AdvertiserID, t.AffiliateID} {
		b = appendUUID(b, id)
	}
	b = appendTextOrNull(b, string(t.From))
	b = appendText(b, string(t.To))
	b = appendTime(b, t.At)
	b = appendText(b, string(t.ByKind))
	b = appendIDOrNull(b, t.ByUser)
	b = appendText(b, t.Reason)
	return appendIDOrNull(b, t.PostbackID)
}

var ledgerTable = newRowTable(`ledger`, `id, kind, at, canonical, salt, xact`)

const ledgerColumns = 6

func appendEntry(b []byte, e *proofback.Entry) []byte {
	b = binary.BigEndian.AppendUint16(b, ledgerColumns)
	b = appendUUID(b, e.ID)
	b = appendText(b, string(e.Kind))
	b = appendTime(b, e.At)
	b = appendBytes(b, e.Canonical)
	if e.Salt == (proofback.Salt{}) {
		return appendNull(b)
	}
	return appendBytes(b, e.Salt[:])
}

var postbacksTable = newRowTable(`postbacks`, `id, received_at, method, url, remote_ip, parameters,`+
	` advertiser_id, offer_id, affiliate_id, click_id, txid, event_type,`+
	` result, reason, message, checks, response_status, response_body, duration,`+
	` conversion_id, replay_of`)

const postbackColumns = 21

func appendPostback(b []byte, p *proofback.Postback) []byte {
	b = binary.BigEndian.AppendUint16(b, postbackColumns)
	b = appendUUID(b, p.ID)
	b = appendTime(b, p.ReceivedAt)
	b = appendText(b, p.Method)
	b = appendText(b, p.URL)
	b = appendText(b, p.RemoteIP)
	b, at := beginValue(b)
	b = endValue(p.AppendKeptParameters(b), at)
	for _, id := range [...]uuid.UUID{p.AdvertiserID, p.OfferID, p.AffiliateID, p.ClickID} {
		b = appendIDOrNull(b, id)
	}
	b = appendTextOrNull(b, p.TxID)
	b = appendTextOrNull(b, p.EventType)
	b = appendText(b, string(p.Result))
	b = appendText(b, string(p.Reason))
	b = appendText(b, p.Message)
	b, at = beginValue(b)
	b = endValue(p.AppendKeptChecks(b), at)
	b = appendInt2(b, int16(p.ResponseStatus))
	b = appendText(b, p.KeptAnswer())
	b = appendInterval(b, p.Duration)
	b = appendIDOrNull(b, p.ConversionID)
	return appendIDOrNull(b, p.ReplayOf)
}
