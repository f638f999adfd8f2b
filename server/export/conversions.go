package export

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// bases are the times that a filter may go by.
var bases = []proofback.TimeBasis{proofback.BasisEvent, proofback.BasisReceived, proofback.BasisClick}

func (e *Exports) conversions(ctx context.Context, actor proofback.Actor, p *params, f *file) error {
	filter := proofback.ConversionFilter{
		TimeRange:     proofback.TimeRange{From: p.time("from"), To: p.time("to")},
		Basis:         oneOf(p, "timeBasis", bases...),
		OfferID:       p.id(proofback.KindOffer, "offerId"),
		AffiliateID:   p.id(proofback.KindAffiliate, "affiliateId"),
		AdvertiserID:  p.id(proofback.KindAdvertiser, "advertiserId"),
		EventType:     p.text("eventType"),
		TransactionID: p.text("transactionId"),
		ClickID:       e.clickID(p),
	}
	for _, s := range p.list("statuses") {
		status := proofback.Status(strings.ToUpper(s))
		if !status.Valid() {
			p.problems.Add([]string{"statuses"}, "%.40q is none of PENDING, APPROVED, REJECTED", s)
		}
		filter.Statuses = append(filter.Statuses, status)
	}
	if tests := p.bool("tests"); tests != nil {
		filter.Tests = *tests
	}
	page := proofback.Page{Limit: pageRows, After: p.after()}
	if err := p.err(); err != nil {
		return err
	}
	var order proofback.ConversionOrder
	for {
		w, err := e.Store.Conversions(ctx, actor, filter, order, page)
		if err != nil {
			return err
		}
		names, err := namesOf(ctx, e, actor, w.Items, func(c *proofback.Conversion) (offer, affiliate, advertiser uuid.UUID) {
			return c.OfferID, c.AffiliateID, c.AdvertiserID
		})
		if err != nil {
			return err
		}
		if !f.begun {
			columns := []string{
				"id", "transaction_id", "event_type", "status", "reason", "event_at", "received_at", "click_at", "click_id",
				"offer_id", "offer", "affiliate_id", "affiliate", "advertiser_id", "advertiser",
				"amount", "amount_currency", "payout", "payout_currency", "revenue", "revenue_currency",
				"normalized_payout", "normalized_revenue", "normalized_currency", "rate_date", "rate_source",
			}
			if err := f.begin("conversions.csv", slices.Concat(columns, subColumns, []string{"cursor"})); err != nil {
				return err
			}
		}
		for _, c := range w.Items {
			at := order.Cursor(c)
			if err := f.row(append(e.conversionCells(c, names), at.String())); err != nil {
				return err
			}
			page.After = &at
		}
		if err := f.flush(); err != nil || !w.HasMore {
			return err
		}
	}
}

func (e *Exports) conversionCells(c *proofback.Conversion, names names) []string {
	n := c.Normalized
	normal, rateDay := n.Payout.Currency, ""
	if normal == "" {
		normal = n.Revenue.Currency
	}
	if !n.RateDate.IsZero() {
		rateDay = n.RateDate.Format(time.DateOnly)
	}
	return append([]string{
		proofback.GlobalID(proofback.KindConversion, c.ID), c.TxID, c.EventType, string(c.Status), c.Reason,
		moment(c.EventAt), moment(c.ReceivedAt), moment(c.ClickAt), e.ClickKeys.Encode(c.ClickID),
		globalID(proofback.KindOffer, c.OfferID), names[c.OfferID],
		globalID(proofback.KindAffiliate, c.AffiliateID), names[c.AffiliateID],
		globalID(proofback.KindAdvertiser, c.AdvertiserID), names[c.AdvertiserID],
		string(c.Amount.Amount), c.Amount.Currency, string(c.Payout.Amount), c.Payout.Currency,
		string(c.Revenue.Amount), c.Revenue.Currency,
		string(n.Payout.Amount), string(n.Revenue.Amount), normal, rateDay, n.RateSource,
	}, c.Subs[:]...)
}
