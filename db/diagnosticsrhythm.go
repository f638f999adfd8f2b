package db

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// pause is when requests of an advertiser, or about one of its offers, came, of
// those that have not come for some hours.
type pause struct {
	AdvertiserID uuid.UUID
	OfferID      uuid.UUID // uuid.Nil for the advertiser as a whole
	LastAt       time.Time
	Ago          []int `bun:"ago,array"` // hours before the end of the range …
	Requests     []int `bun:"requests,array"`
}

// findSilences looks for advertisers, and offers, whose requests stopped against
// their own rhythm. An advertiser that is silent as a whole is told once. The
// counts by hour are made in one pass; only what has paused leaves the database.
func (d *diagnosing) findSilences(ctx context.Context) error {
	end := d.filter.To
	byHour := d.requests(proofback.TimeRange{From: end.Add(-proofback.RhythmLook), To: end}).
		ColumnExpr("postback.advertiser_id, postback.offer_id").
		ColumnExpr("floor(date_part('epoch', ?::timestamptz - postback.received_at) / 3600)::integer AS ago", end).
		ColumnExpr("count(*) AS requests").
		ColumnExpr("max(postback.received_at) AS last_at").
		Where("postback.advertiser_id IS NOT NULL").
		GroupExpr("1, 2, 3")
	paused := d.tx.NewSelect().
		TableExpr("(?) AS h", byHour).
		ColumnExpr("h.advertiser_id, h.offer_id, grouping(h.offer_id) = 1 AS whole, max(h.last_at) AS last_at").
		ColumnExpr("array_agg(h.ago) AS ago, array_agg(h.requests) AS requests").
		GroupExpr("GROUPING SETS ((h.advertiser_id), (h.advertiser_id, h.offer_id))").
		Having("min(h.ago) >= 2")
	var rows []pause
	err := d.tx.NewSelect().
		TableExpr("(?) AS p", paused).
		ColumnExpr("p.advertiser_id, p.offer_id, p.last_at, p.ago, p.requests").
		Where(`EXISTS (
			SELECT
			FROM offers AS o
			WHERE o.advertiser_id = p.advertiser_id
			  AND o.status = 'ACTIVE'
			  AND (p.whole OR o.id = p.offer_id))`).
		OrderExpr("p.whole DESC").
		Scan(ctx, &rows)
	if err != nil {
		return err
	}
	whole := map[uuid.UUID]bool{}
	for _, r := range rows {
		// What concerns an affiliate's clicks, or one offer, is told of offers.
		ofOffers := d.filter.OfferID != uuid.Nil || d.tx.actor.Role == proofback.RoleAffiliate
		if whole[r.AdvertiserID] || ofOffers && r.OfferID == uuid.Nil {
			continue
		}
		silence, ok := proofback.FindSilence(r.hours())
		if !ok {
			continue
		}
		whole[r.AdvertiserID] = r.OfferID == uuid.Nil
		d.found = append(d.found, &proofback.Finding{
			Reason:       proofback.ReasonPostbacksStopped,
			Count:        silence.Missing,
			Share:        1,
			FirstAt:      r.LastAt.UTC(),
			LastAt:       end,
			AdvertiserID: r.AdvertiserID,
			OfferID:      r.OfferID,
		})
	}
	return nil
}

// hours are the counts of each hour, the oldest first and the last ending with the
// range.
func (p *pause) hours() []int {
	hours := make([]int, int(proofback.RhythmLook/time.Hour))
	for i, ago := range p.Ago {
		if at := len(hours) - 1 - ago; at >= 0 && at < len(hours) {
			hours[at] += p.Requests[i]
		}
	}
	return hours
}
