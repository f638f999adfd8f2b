package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/proofback/proofback"
)

// addRequests adds to each finding about requests the last few of them.
func (d *diagnosing) addRequests(ctx context.Context) error {
	var ofAdvertisers, ofNobody, stopped []*proofback.Finding
	for _, f := range d.found {
		switch {
		case f.Reason == proofback.ReasonPostbacksStopped:
			stopped = append(stopped, f)
		case f.Reason.IsPattern() && f.Reason != proofback.ReasonDuplicatesRising:
		case f.AdvertiserID == uuid.Nil:
			ofNobody = append(ofNobody, f)
		default:
			ofAdvertisers = append(ofAdvertisers, f)
		}
	}
	// What the index of trouble leads to, by an advertiser or by none.
	const trouble = "postback.reason = f.reason AND postback.result NOT IN ('accepted', 'updated')"
	const ofOffer = "coalesce(postback.offer_id, '00000000-0000-0000-0000-000000000000') = f.offer_id"
	if err := d.lastRequests(ctx, ofAdvertisers, trouble, "postback.advertiser_id = f.advertiser_id", ofOffer); err != nil {
		return err
	}
	if err := d.lastRequests(ctx, ofNobody, trouble, "postback.advertiser_id IS NULL", ofOffer); err != nil {
		return err
	}
	return d.lastRequests(ctx, stopped, "postback.advertiser_id = f.advertiser_id",
		"(f.offer_id = '00000000-0000-0000-0000-000000000000' OR postback.offer_id = f.offer_id)")
}

// lastRequests finds the last few requests that fit each finding by some
// conditions, within the finding's time.
func (d *diagnosing) lastRequests(ctx context.Context, findings []*proofback.Finding, conditions ...string) error {
	if len(findings) == 0 {
		return nil
	}
	// The silence begins with the last request.
	first := func(f *proofback.Finding) time.Time {
		if f.Reason == proofback.ReasonPostbacksStopped {
			return f.FirstAt.Add(-24 * time.Hour)
		}
		return f.FirstAt
	}
	whole := proofback.TimeRange{From: first(findings[0]), To: d.filter.To}
	for _, f := range findings {
		whole.From = earlier(whole.From, first(f))
	}
	fitting := d.requests(whole).
		ColumnExpr("postback.id").
		Where("postback.id >= uuid_floor(f.first_at - interval '1 minute')").
		Where("postback.id < uuid_floor(f.last_at + interval '1 minute')").
		Where("postback.received_at BETWEEN f.first_at AND f.last_at").
		OrderExpr("postback.id DESC").
		Limit(proofback.MaxExamples)
	for _, c := range conditions {
		fitting.Where(c)
	}
	type f = *proofback.Finding
	var examples []struct {
		N  int
		ID uuid.UUID
	}
	err := d.tx.NewSelect().
		TableExpr(`unnest(?::text[], ?::uuid[], ?::uuid[], ?::timestamptz[], ?::timestamptz[])
			WITH ORDINALITY AS f (reason, advertiser_id, offer_id, first_at, last_at, n)`,
			pgdialect.Array(column(findings, func(f f) string { return string(reasonOfRequests(f)) })),
			pgdialect.Array(column(findings, func(f f) uuid.UUID { return f.AdvertiserID })),
			pgdialect.Array(column(findings, func(f f) uuid.UUID { return f.OfferID })),
			pgdialect.Array(column(findings, first)),
			pgdialect.Array(column(findings, func(f f) time.Time { return f.LastAt }))).
		Join("CROSS JOIN LATERAL (?) AS e", fitting).
		ColumnExpr("f.n, e.id").
		OrderExpr("f.n, e.id DESC").
		Scan(ctx, &examples)
	if err != nil || len(examples) == 0 {
		return err
	}
	ids := make([]uuid.UUID, len(examples))
	for i, e := range examples {
		ids[i] = e.ID
	}
	var rows []postbackRow
	if err := selectPostbacks(d.tx, &rows).Where("postback.id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return err
	}
	byID := make(map[uuid.UUID]*proofback.Postback, len(rows))
	for i := range rows {
		byID[rows[i].ID] = rows[i].value(d.tx.actor)
	}
	for _, e := range examples {
		f := findings[e.N-1]
		f.Examples = append(f.Examples, byID[e.ID])
	}
	return nil
}

// reasonOfRequests is how the requests ended that a finding is about.
func reasonOfRequests(f *proofback.Finding) proofback.Reason {
	if f.Reason == proofback.ReasonDuplicatesRising {
		return proofback.ReasonDuplicate
	}
	return f.Reason
}

// addClicks adds to each finding about clicks the last few of them.
func (d *diagnosing) addClicks(ctx context.Context) error {
	if err := d.lastClicks(ctx); err != nil {
		return err
	}
	var ids []uuid.UUID
	for _, f := range d.found {
		ids = append(ids, d.clicks[f]...)
	}
	if len(ids) == 0 {
		return nil
	}
	var rows []clickRow
	if err := selectClicks(d.tx, &rows).Where("click.id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return err
	}
	byID := make(map[uuid.UUID]*proofback.Click, len(rows))
	for i := range rows {
		byID[rows[i].ID] = rows[i].value(d.tx.actor)
	}
	for _, f := range d.found {
		for _, id := range d.clicks[f] {
			if c := byID[id]; c != nil {
				f.Clicks = append(f.Clicks, c)
			}
		}
	}
	return nil
}

// lastClicks finds the keys of the last few clicks that never converted, by the
// index of an affiliate's clicks.
func (d *diagnosing) lastClicks(ctx context.Context) error {
	var findings []*proofback.Finding
	for _, f := range d.found {
		if f.Reason == proofback.ReasonClicksNeverConvert {
			findings = append(findings, f)
		}
	}
	if len(findings) == 0 {
		return nil
	}
	look := d.filter.Last(proofback.ClicksLook)
	fitting := d.tx.NewSelect().
		TableExpr("clicks AS click").
		ColumnExpr("click.id").
		Where("click.affiliate_id = f.affiliate_id").
		Where("click.offer_id = f.offer_id").
		Where("(f.link_id = ? OR click.link_id = f.link_id)", uuid.Nil).
		Where("click.id >= ?", proofback.UUIDFloor(look.From)).
		Where("click.id < ?", proofback.UUIDFloor(look.To)).
		OrderExpr("click.id DESC").
		Limit(proofback.MaxExamples)
	type f = *proofback.Finding
	var examples []struct {
		N  int
		ID uuid.UUID
	}
	err := d.tx.NewSelect().
		TableExpr("unnest(?::uuid[], ?::uuid[], ?::uuid[]) WITH ORDINALITY AS f (affiliate_id, offer_id, link_id, n)",
			pgdialect.Array(column(findings, func(f f) uuid.UUID { return f.AffiliateID })),
			pgdialect.Array(column(findings, func(f f) uuid.UUID { return f.OfferID })),
			pgdialect.Array(column(findings, func(f f) uuid.UUID { return f.LinkID }))).
		Join("CROSS JOIN LATERAL (?) AS e", fitting).
		ColumnExpr("f.n, e.id").
		OrderExpr("f.n, e.id DESC").
		Scan(ctx, &examples)
	for _, e := range examples {
		f := findings[e.N-1]
		d.clicks[f] = append(d.clicks[f], e.ID)
	}
	return err
}
