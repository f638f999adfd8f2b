package db

import (
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// conversionRow is a row of conversions.
type conversionRow struct {
	bun.BaseModel `bun:"table:conversions,alias:conversion"`

	ID              uuid.UUID         `bun:"id,pk"`
	AdvertiserID    uuid.UUID         `bun:"advertiser_id,pk"`
	OfferID         uuid.UUID         `bun:"offer_id"`
	GoalID          uuid.UUID         `bun:"goal_id"`
	AffiliateID     uuid.UUID         `bun:"affiliate_id"`
	ClickID         uuid.UUID         `bun:"click_id"`
	TermsID         uuid.UUID         `bun:"terms_id"`
	PostbackID      uuid.UUID         `bun:"postback_id"`
	EventType       string            `bun:"event_type"`
	TxID            string            `bun:"txid"`
	Status          proofback.Status  `bun:"status"`
	Began           proofback.Status  `bun:"began"`
	Reason          string            `bun:"reason"`
	EventAt         time.Time         `bun:"event_at"`
	ReceivedAt      time.Time         `bun:"received_at"`
	ClickAt         time.Time         `bun:"click_at"`
	Amount          proofback.Decimal `bun:"amount"`
	AmountCurrency  string            `bun:"amount_currency"`
	AmountIsRevenue bool              `bun:"amount_is_revenue"`
	Payout          proofback.Decimal `bun:"payout"`
	PayoutCurrency  string            `bun:"payout_currency"`
	Revenue         proofback.Decimal `bun:"revenue"`
	RevenueCurrency string            `bun:"revenue_currency"`
	NormalPayout    proofback.Decimal `bun:"normal_payout"`
	NormalRevenue   proofback.Decimal `bun:"normal_revenue"`
	NormalCurrency  string            `bun:"normal_currency"`
	RateDate        time.Time         `bun:"rate_date"`
	RateSource      string            `bun:"rate_source"`
	Subs            []string          `bun:"subs,type:jsonb"`
	Test            bool              `bun:"test"`
	SettledStatus   string            `bun:"settled_status"`

	ClaimsFrom time.Time `bun:"claims_from,scanonly"`
	ClaimsTo   time.Time `bun:"claims_to,scanonly"`
}

// selectConversions begins a query for the conversions that the actor may see.
func selectConversions(tx *tx, rows *[]conversionRow) *bun.SelectQuery {
	q := tx.NewSelect().
		Model(rows).
		ColumnExpr("?TableColumns").
		ColumnExpr("lower(conversion.claims) AS claims_from").
		ColumnExpr("upper(conversion.claims) AS claims_to")
	return ownRows(q, tx.actor, "conversion")
}

// value gives a row as the actor may see it.
func (r *conversionRow) value(a proofback.Actor) *proofback.Conversion {
	c := &proofback.Conversion{
		ID:           r.ID,
		AdvertiserID: r.AdvertiserID,
		OfferID:      r.OfferID,
		GoalID:       r.GoalID,
		AffiliateID:  r.AffiliateID,
		ClickID:      r.ClickID,
		TermsID:      r.TermsID,
		PostbackID:   r.PostbackID,
		EventType:    r.EventType,
		TxID:         r.TxID,
		Status:       r.Status,
		Began:        r.Began,
		Reason:       r.Reason,
		EventAt:      r.EventAt.UTC(),
		ReceivedAt:   r.ReceivedAt.UTC(),
		ClickAt:      r.ClickAt.UTC(),
		Amount:       money(r.Amount, r.AmountCurrency),
		Payout:       money(r.Payout, r.PayoutCurrency),
		Revenue:      money(r.Revenue, r.RevenueCurrency),
		Test:         r.Test,
		Late:         r.SettledStatus == settledNone,
		Claims:       proofback.TimeRange{From: utc(r.ClaimsFrom), To: utc(r.ClaimsTo)},

		AmountIsRevenue: r.AmountIsRevenue,
	}
	if !r.RateDate.IsZero() {
		c.Normalized = proofback.Normalized{
			Payout:     money(r.NormalPayout, r.NormalCurrency),
			Revenue:    money(r.NormalRevenue, r.NormalCurrency),
			RateDate:   r.RateDate.UTC(),
			RateSource: r.RateSource,
		}
	}
	copy(c.Subs[:], r.Subs)
	c.MaskFor(a)
	return c
}

// money is an amount of two columns; NULL in the first is no money at all.
func money(amount proofback.Decimal, currency string) proofback.Money {
	if amount == "" {
		return proofback.Money{}
	}
	return proofback.Money{Amount: amount, Currency: currency}
}

// utc gives a time of a column in UTC; NULL stays zero.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

// transitionRow is a row of transitions.
type transitionRow struct {
	bun.BaseModel `bun:"table:transitions,alias:transition"`

	ID           uuid.UUID           `bun:"id,pk"`
	ConversionID uuid.UUID           `bun:"conversion_id"`
	AdvertiserID uuid.UUID           `bun:"advertiser_id"`
	AffiliateID  uuid.UUID           `bun:"affiliate_id"`
	From         proofback.Status    `bun:"from_status,nullzero"`
	To           proofback.Status    `bun:"to_status"`
	At           time.Time           `bun:"at"`
	ByKind       proofback.ActorKind `bun:"by_kind"`
	ByUser       uuid.UUID           `bun:"by_user,nullzero"`
	Reason       string              `bun:"reason"`
	PostbackID   uuid.UUID           `bun:"postback_id,nullzero"`

	ByEmail string `bun:"by_email,scanonly"`
}

func newTransitionRow(t *proofback.Transition) transitionRow {
	return transitionRow{
		ID:           t.ID,
		ConversionID: t.ConversionID,
		AdvertiserID: t.AdvertiserID,
		AffiliateID:  t.AffiliateID,
		From:         t.From,
		To:           t.To,
		At:           t.At,
		ByKind:       t.ByKind,
		ByUser:       t.ByUser,
		Reason:       t.Reason,
		PostbackID:   t.PostbackID,
	}
}

// value gives a row as the actor may see it.
func (r *transitionRow) value(a proofback.Actor) *proofback.Transition {
	t := &proofback.Transition{
		ID:           r.ID,
		ConversionID: r.ConversionID,
		AdvertiserID: r.AdvertiserID,
		AffiliateID:  r.AffiliateID,
		From:         r.From,
		To:           r.To,
		At:           r.At.UTC(),
		ByKind:       r.ByKind,
		ByUser:       r.ByUser,
		ByEmail:      r.ByEmail,
		Reason:       r.Reason,
		PostbackID:   r.PostbackID,
	}
	t.MaskFor(a)
	return t
}
