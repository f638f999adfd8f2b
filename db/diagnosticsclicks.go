package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// findPixels looks for clicks whose pixel was called and about which no request
// came within a day.
func (d *diagnosing) findPixels(ctx context.Context) error {
	look := d.filter.Last(proofback.PixelLook)
	if decided := d.tx.now.Add(-proofback.PixelPatience); decided.Before(look.To) {
		look.To = decided // the others' may yet come
	}
	seen := d.tx.NewSelect().
		TableExpr("pixel_signals AS signal").
		DistinctOn("signal.click_id").
		ColumnExpr("signal.click_id, signal.at, signal.advertiser_id, signal.offer_id").
		Where("signal.affiliate_id IS NOT NULL"). // a test, or a click that is not stored
		OrderExpr("signal.click_id, signal.id")
	madeWithin(seen, "signal.id", "signal.at", look)
	d.scoped(seen, "signal")
	// Of all requests of the time, since the planner can join these at a stroke.
	answered := d.tx.NewSelect().
		TableExpr("seen").
		Join("JOIN postbacks AS postback ON postback.click_id = seen.click_id").
		ColumnExpr("DISTINCT seen.click_id").
		Where("postback.received_at >= seen.at - ?::interval", interval(proofback.PixelPatience)).
		Where("postback.received_at < seen.at + ?::interval", interval(proofback.PixelPatience))
	madeWithin(answered, "postback.id", "postback.received_at", proofback.TimeRange{
		From: look.From.Add(-proofback.PixelPatience), To: look.To.Add(proofback.PixelPatience),
	})
	var rows []struct {
		AdvertiserID uuid.UUID
		OfferID      uuid.UUID
		Clicks       int
		Silent       int
		FirstAt      time.Time
		LastAt       time.Time
		Examples     []uuid.UUID `bun:"examples,array"`
	}
	err := d.tx.NewSelect().
		With("seen", seen).
		With("answered", answered).
		TableExpr("seen").
		Join("LEFT JOIN answered USING (click_id)").
		ColumnExpr("seen.advertiser_id, seen.offer_id").
		ColumnExpr("count(*) AS clicks, count(*) FILTER (WHERE answered IS NULL) AS silent").
		ColumnExpr("min(seen.at) FILTER (WHERE answered IS NULL) AS first_at, max(seen.at) FILTER (WHERE answered IS NULL) AS last_at").
		ColumnExpr("(array_agg(seen.click_id ORDER BY seen.at DESC) FILTER (WHERE answered IS NULL))[1:?] AS examples", proofback.MaxExamples).
		GroupExpr("seen.advertiser_id, seen.offer_id").
		Having("bool_or(answered IS NULL)").
		Scan(ctx, &rows)
	for _, r := range rows {
		d.addFinding(&proofback.Finding{
			Reason:       proofback.ReasonPixelWithoutPostback,
			Count:        r.Silent,
			Share:        proofback.Portion{Of: r.Silent, All: r.Clicks}.Share(),
			FirstAt:      r.FirstAt.UTC(),
			LastAt:       r.LastAt.UTC(),
			AdvertiserID: r.AdvertiserID,
			OfferID:      r.OfferID,
		}, r.Examples)
	}
	return err
}

func interval(t time.Duration) string { return t.String() }

// addFinding adds one about clicks, with examples of them.
func (d *diagnosing) addFinding(f *proofback.Finding, clicks []uuid.UUID) {
	d.found, d.clicks[f] = append(d.found, f), clicks
}

// linkClicks are the clicks of a link that none converted of, beside those of its
// affiliate and of all on the offer.
type linkClicks struct {
	AdvertiserID       uuid.UUID
	OfferID            uuid.UUID
	AffiliateID        uuid.UUID
	LinkID             uuid.UUID
	Clicks             int
	FirstAt            time.Time
	LastAt             time.Time
	AffiliateClicks    int
	AffiliateConverted int
	OfferClicks        int
	OfferConverted     int
}

// findClicks looks for links, and affiliates as a whole, whose clicks on an offer
// never convert while others' do.
func (d *diagnosing) findClicks(ctx context.Context) error {
	var rows []linkClicks
	q := d.tx.NewSelect().
		With("visits", d.visits()).
		With("counted", d.counted()).
		With("compared", d.tx.NewSelect().
			TableExpr("visits").
			Join("LEFT JOIN counted USING (offer_id, affiliate_id, link_id)").
			ColumnExpr("visits.*, coalesce(counted.converted, 0) AS converted").
			ColumnExpr("sum(clicks) OVER (PARTITION BY offer_id, affiliate_id) AS affiliate_clicks").
			ColumnExpr("coalesce(sum(converted) OVER (PARTITION BY offer_id, affiliate_id), 0) AS affiliate_converted").
			ColumnExpr("sum(clicks) OVER (PARTITION BY offer_id) AS offer_clicks").
			ColumnExpr("coalesce(sum(converted) OVER (PARTITION BY offer_id), 0) AS offer_converted")).
		TableExpr("compared AS c").
		ColumnExpr("c.advertiser_id, c.offer_id, c.affiliate_id, c.link_id, c.clicks, c.first_at, c.last_at").
		ColumnExpr("c.affiliate_clicks, c.affiliate_converted, c.offer_clicks, c.offer_converted").
		Where("c.converted = 0").
		Where("c.offer_converted >= ?", proofback.NeverConvertOthers).
		Where("(c.clicks >= ? OR c.affiliate_converted = 0 AND c.affiliate_clicks >= ?)", proofback.NeverConvertClicks, proofback.NeverConvertClicks).
		OrderExpr("c.clicks DESC").
		Limit(maxLinks)
	// An affiliate's are judged beside others', of which it is told nothing but that.
	err := d.tx.asOwner(ctx, func() error { return d.scoped(q, "c").Scan(ctx, &rows) })
	if err != nil {
		return err
	}
	type run struct{ affiliate, offer uuid.UUID }
	whole := map[run]*proofback.Finding{}
	for _, r := range rows {
		f := &proofback.Finding{
			Reason:       proofback.ReasonClicksNeverConvert,
			Count:        r.Clicks,
			Share:        1,
			FirstAt:      r.FirstAt.UTC(),
			LastAt:       r.LastAt.UTC(),
			AdvertiserID: r.AdvertiserID,
			OfferID:      r.OfferID,
			AffiliateID:  r.AffiliateID,
		}
		if r.AffiliateConverted > 0 {
			f.LinkID = r.LinkID
			if proofback.NeverConverts(r.Clicks, proofback.Portion{Of: r.OfferConverted, All: r.OfferClicks - r.Clicks}) {
				d.addFinding(f, nil)
			}
			continue
		}
		if known := whole[run{r.AffiliateID, r.OfferID}]; known != nil {
			known.FirstAt, known.LastAt = earlier(known.FirstAt, f.FirstAt), later(known.LastAt, f.LastAt)
			continue
		}
		whole[run{r.AffiliateID, r.OfferID}] = f
		f.Count = r.AffiliateClicks
		if proofback.NeverConverts(f.Count, proofback.Portion{Of: r.OfferConverted, All: r.OfferClicks - f.Count}) {
			d.addFinding(f, nil)
		}
	}
	return nil
}

// maxLinks is how many links without conversions are looked at, those with the
// most clicks first.
const maxLinks = 1000

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// visits counts the clicks that were sent to offers, by link: those of all
// affiliates, since one is judged beside the others.
func (d *diagnosing) visits() *bun.SelectQuery {
	look := d.filter.Last(proofback.ClicksLook)
	q := d.tx.NewSelect().
		TableExpr("clicks AS click").
		ColumnExpr("click.offer_id, click.affiliate_id, click.link_id, click.advertiser_id").
		ColumnExpr("count(*) AS clicks, min(click.at) AS first_at, max(click.at) AS last_at").
		Where("click.id >= ?", proofback.UUIDFloor(look.From)).
		Where("click.id < ?", proofback.UUIDFloor(look.To)).
		Where("click.outcome = ?", proofback.ClickRedirected).
		Where("NOT click.bot").
		Where("click.link_id <> ?", uuid.Nil). // no test
		GroupExpr("click.offer_id, click.affiliate_id, click.link_id, click.advertiser_id")
	return d.onOffers(q, "click")
}

// counted counts those of the clicks that converted, even if what came of them is
// rejected: their way is open.
func (d *diagnosing) counted() *bun.SelectQuery {
	look := d.filter.Last(proofback.ClicksLook)
	q := d.tx.NewSelect().
		TableExpr("conversions AS conversion").
		Join("JOIN clicks AS click ON click.id = conversion.click_id").
		ColumnExpr("click.offer_id, click.affiliate_id, click.link_id").
		ColumnExpr("count(DISTINCT click.id) AS converted").
		Where("conversion.event_at >= ?", look.From).
		Where("NOT conversion.test").
		Where("click.id >= ?", proofback.UUIDFloor(look.From)).
		Where("click.id < ?", proofback.UUIDFloor(look.To)).
		GroupExpr("click.offer_id, click.affiliate_id, click.link_id")
	return d.onOffers(q, "conversion")
}

// onOffers keeps to the offers that the actor and the filter are about, whoever
// sent the clicks.
func (d *diagnosing) onOffers(q *bun.SelectQuery, table string) *bun.SelectQuery {
	if d.filter.OfferID != uuid.Nil {
		q.Where("?.offer_id = ?", bun.Ident(table), d.filter.OfferID)
	}
	if d.filter.AdvertiserID != uuid.Nil {
		q.Where("?.advertiser_id = ?", bun.Ident(table), d.filter.AdvertiserID)
	}
	runs := d.filter.AffiliateID
	switch d.tx.actor.Role {
	case proofback.RoleAdvertiser:
		q.Where("?.advertiser_id = ?", bun.Ident(table), d.tx.actor.AdvertiserID)
	case proofback.RoleAffiliate:
		runs = d.tx.actor.AffiliateID
	}
	if runs != uuid.Nil {
		q.Where("?.offer_id IN (SELECT offer_id FROM tracking_links WHERE affiliate_id = ?)", bun.Ident(table), runs)
	}
	return q
}
