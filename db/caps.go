package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// CapsUsed tells, for each of ids that the actor may see, how much of each cap
// the running period has used up, in the order of the terms in force. Payout is
// in the network's own currency.
func (s *Store) CapsUsed(ctx context.Context, actor proofback.Actor, ids []uuid.UUID) (map[uuid.UUID][]proofback.Decimal, error) {
	offers, err := s.OffersByID(ctx, actor, ids)
	if err != nil {
		return nil, err
	}
	used := make(map[uuid.UUID][]proofback.Decimal, len(offers))
	for id, o := range offers {
		used[id] = make([]proofback.Decimal, len(o.Terms.Caps))
	}
	err = s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		zones, err := tx.zones(ctx, ids)
		if err != nil {
			return err
		}
		wanted := map[proofback.CapMetric][]wantedCap{}
		for id, o := range offers {
			for i, c := range o.Terms.Caps {
				span := c.Period.Span(tx.now, zones[id])
				wanted[c.Metric] = append(wanted[c.Metric], wantedCap{id, i, c.Period, span.From, span.To})
			}
		}
		// A cap is used up by everybody's conversions; of offers that the actor may see
		// it is told how far.
		return tx.asOwner(ctx, func() error {
			for metric, caps := range wanted {
				if err := tx.capsUsed(ctx, metric, caps, used); err != nil {
					return err
				}
			}
			return nil
		})
	})
	return used, err
}

// wantedCap is one cap to be told about.
type wantedCap struct {
	OfferID uuid.UUID `bun:"type:uuid"`
	Index   int
	Period  proofback.CapPeriod
	Starts  time.Time `bun:"type:timestamptz"`
	Ends    time.Time `bun:"type:timestamptz"`
}

// capCounts count one metric of an offer in a period, for periods that no
// counter has been kept of yet.
var capCounts = map[proofback.CapMetric]string{
	proofback.CapConversions: `
		SELECT count(*)
		FROM conversions AS c
		WHERE c.offer_id = want.offer_id
		  AND c.event_at >= want.starts
		  AND c.event_at < want.ends
		  AND c.status <> 'REJECTED'
		  AND NOT c.test`,
	proofback.CapPayout: `
		SELECT coalesce(sum(c.normal_payout), 0)
		FROM conversions AS c
		WHERE c.offer_id = want.offer_id
		  AND c.event_at >= want.starts
		  AND c.event_at < want.ends
		  AND c.status <> 'REJECTED'
		  AND NOT c.test`,
	proofback.CapClicks: `
		SELECT count(*)
		FROM clicks AS c
		WHERE c.id >= uuid_floor(want.starts)
		  AND c.offer_id = want.offer_id
		  AND c.outcome = 0
		  AND NOT c.bot
		  -- A test has no link.
		  AND c.link_id <> '00000000-0000-0000-0000-000000000000'`,
}

// capsUsed tells of one metric for all offers with caps on it, in one query: by
// the counter that decisions are held to, where there is one.
func (t *tx) capsUsed(ctx context.Context, metric proofback.CapMetric, wanted []wantedCap, used map[uuid.UUID][]proofback.Decimal) error {
	var rows []struct {
		OfferID uuid.UUID
		Index   int
		Used    proofback.Decimal
	}
	err := t.NewSelect().
		With("want", t.NewValues(&wanted)).
		TableExpr("want").
		ColumnExpr("want.offer_id, want.index").
		ColumnExpr(`coalesce((
			SELECT u.used
			FROM cap_usage AS u
			WHERE u.offer_id = want.offer_id
			  AND u.metric = ?
			  AND u.period = want.period
			  AND u.starts = want.starts
			  AND u.counted), (`+capCounts[metric]+`))::text AS used`, metric).
		Scan(ctx, &rows)
	for _, r := range rows {
		used[r.OfferID][r.Index] = r.Used
	}
	return err
}

// zones gives the time zones of offers' advertisers, by offer.
func (t *tx) zones(ctx context.Context, offers []uuid.UUID) (map[uuid.UUID]*time.Location, error) {
	var rows []struct {
		ID       uuid.UUID
		TimeZone string
	}
	err := t.NewSelect().
		TableExpr("offers AS o").
		Join("JOIN advertisers AS a ON a.id = o.advertiser_id").
		ColumnExpr("o.id, a.time_zone").
		Where("o.id IN (?)", bun.List(offers)).
		Scan(ctx, &rows)
	if err != nil {
		return nil, err
	}
	zones := make(map[uuid.UUID]*time.Location, len(rows))
	for _, r := range rows {
		if zones[r.ID], err = time.LoadLocation(r.TimeZone); err != nil {
			return nil, err
		}
	}
	return zones, nil
}
