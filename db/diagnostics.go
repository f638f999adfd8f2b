package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// Diagnostics finds what goes wrong within a range: staff's everywhere, an
// advertiser's with its own requests and offers, an affiliate's with its own
// clicks.
func (s *Store) Diagnostics(ctx context.Context, actor proofback.Actor, f proofback.DiagnosticsFilter) ([]*proofback.Finding, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	f, err := f.Within(s.clock())
	if err != nil {
		return nil, err
	}
	d := &diagnosing{filter: f, clicks: map[*proofback.Finding][]uuid.UUID{}}
	err = s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		d.tx = tx
		for _, find := range []func(context.Context) error{
			d.findReasons, d.findSilences, d.findPixels, d.findClicks, d.choose, d.addRequests, d.addClicks,
		} {
			if err := find(ctx); err != nil {
				return err
			}
		}
		for _, f := range d.found {
			f.MaskFor(actor)
		}
		return nil
	})
	return d.found, err
}

// diagnosing is diagnostics on their way through one snapshot.
type diagnosing struct {
	tx     *tx
	filter proofback.DiagnosticsFilter
	found  []*proofback.Finding
	clicks map[*proofback.Finding][]uuid.UUID // examples of clicks, by key
}

// scoped keeps to what the actor may see and the filter asks for, of a table that
// says whose a row is.
func (d *diagnosing) scoped(q *bun.SelectQuery, table string) *bun.SelectQuery {
	for column, id := range map[string]uuid.UUID{
		"advertiser_id": d.filter.AdvertiserID,
		"offer_id":      d.filter.OfferID,
		"affiliate_id":  d.filter.AffiliateID,
	} {
		if id != uuid.Nil {
			q.Where("?.? = ?", bun.Ident(table), bun.Ident(column), id)
		}
	}
	return ownRows(q, d.tx.actor, table)
}

// requests begins a query for the requests of a range that senders sent: neither
// replays nor tests, whose clicks nobody sent.
func (d *diagnosing) requests(r proofback.TimeRange) *bun.SelectQuery {
	q := d.tx.NewSelect().
		TableExpr("postbacks AS postback").
		Where("postback.replay_of IS NULL").
		Where("(postback.click_id IS NULL OR postback.affiliate_id IS NOT NULL)")
	madeWithin(q, "postback.id", "postback.received_at", r)
	return d.scoped(q, "postback")
}

// reasonCount is how often requests of an advertiser, about an offer, ended with a
// reason.
type reasonCount struct {
	Reason       proofback.Reason
	AdvertiserID uuid.UUID
	OfferID      uuid.UUID
	Requests     int
	Later        int // of them in the later half of the range
	FirstAt      time.Time
	LastAt       time.Time
}

// findReasons counts the requests by how they ended, in one pass over the log's
// partitions of the range.
func (d *diagnosing) findReasons(ctx context.Context) error {
	half := d.middle()
	var rows []reasonCount
	err := d.requests(d.filter.TimeRange).
		ColumnExpr("postback.reason, postback.advertiser_id, postback.offer_id").
		ColumnExpr("count(*) AS requests").
		ColumnExpr("count(*) FILTER (WHERE postback.received_at >= ?) AS later", half).
		ColumnExpr("min(postback.received_at) AS first_at, max(postback.received_at) AS last_at").
		GroupExpr("postback.reason, postback.advertiser_id, postback.offer_id").
		Scan(ctx, &rows)
	if err != nil {
		return err
	}
	all := map[uuid.UUID]int{} // by advertiser
	type place struct{ advertiser, offer uuid.UUID }
	earlier, later := map[place]proofback.Portion{}, map[place]proofback.Portion{}
	for _, r := range rows {
		all[r.AdvertiserID] += r.Requests
		at := place{r.AdvertiserID, r.OfferID}
		before, after := earlier[at], later[at]
		before.All, after.All = before.All+r.Requests-r.Later, after.All+r.Later
		if r.Reason == proofback.ReasonDuplicate {
			before.Of, after.Of = r.Requests-r.Later, r.Later
		}
		earlier[at], later[at] = before, after
	}
	for _, r := range rows {
		if proofback.Advice(r.Reason) == "" {
			continue // it went well
		}
		finding := proofback.Finding{
			Reason:       r.Reason,
			Count:        r.Requests,
			Share:        proofback.Portion{Of: r.Requests, All: all[r.AdvertiserID]}.Share(),
			FirstAt:      r.FirstAt.UTC(),
			LastAt:       r.LastAt.UTC(),
			AdvertiserID: r.AdvertiserID,
			OfferID:      r.OfferID,
		}
		d.found = append(d.found, &finding)
		at := place{r.AdvertiserID, r.OfferID}
		if r.Reason == proofback.ReasonDuplicate && proofback.Rises(earlier[at], later[at]) {
			rising := finding
			rising.Reason, rising.Count, rising.Share = proofback.ReasonDuplicatesRising, r.Later, later[at].Share()
			if rising.FirstAt.Before(half) {
				rising.FirstAt = half
			}
			d.found = append(d.found, &rising)
		}
	}
	return nil
}

// middle is where the later half of the range begins.
func (d *diagnosing) middle() time.Time {
	return d.filter.From.Add(d.filter.To.Sub(d.filter.From) / 2)
}

// choose keeps the findings that cost most.
func (d *diagnosing) choose(context.Context) error {
	d.found = proofback.ChooseFindings(d.found)
	return nil
}
