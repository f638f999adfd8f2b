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
	err = s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		zones, err := tx.zones(ctx, ids)
		if err != nil {
			return err
		}
		for id, o := range offers {
			used[id] = make([]proofback.Decimal, len(o.Terms.Caps))
		}
		for _, metric := range []proofback.CapMetric{proofback.CapConversions, proofback.CapPayout, proofback.CapClicks} {
			if err := tx.capsUsed(ctx, metric, offers, zones, used); err != nil {
				return err
			}
		}
		return nil
	})
	return used, err
}

// capQueries count one metric of an offer since the beginning of a period.
var capQueries = map[proofback.CapMetric]string{
	proofback.CapConversions: `
		SELECT count(*)::text
		FROM conversions AS c
		WHERE c.advertiser_id = want.advertiser_id
		  AND c.offer_id = want.offer_id
		  AND c.event_at >= want.since
		  AND c.status <> 'REJECTED'`,
	proofback.CapPayout: `
		SELECT coalesce(sum(c.normal_payout), 0)::text
		FROM conversions AS c
		WHERE c.advertiser_id = want.advertiser_id
		  AND c.offer_id = want.offer_id
		  AND c.event_at >= want.since
		  AND c.status <> 'REJECTED'`,
	proofback.CapClicks: `
		SELECT count(*)::text
		FROM clicks AS c
		WHERE c.id >= uuid_floor(want.since)
		  AND c.offer_id = want.offer_id
		  AND c.outcome = 0
		  AND NOT c.bot`,
}

// wantedCap is one cap to be counted.
type wantedCap struct {
	OfferID      uuid.UUID `bun:"type:uuid"`
	AdvertiserID uuid.UUID `bun:"type:uuid"`
	Index        int
	Since        time.Time `bun:"type:timestamptz"`
}

// capsUsed counts one metric for all offers with caps on it, in one query.
func (t *tx) capsUsed(ctx context.Context, metric proofback.CapMetric, offers map[uuid.UUID]*proofback.Offer, zones map[uuid.UUID]*time.Location, used map[uuid.UUID][]proofback.Decimal) error {
	var wanted []wantedCap
	for id, o := range offers {
		for i, c := range o.Terms.Caps {
			if c.Metric == metric {
				wanted = append(wanted, wantedCap{id, o.AdvertiserID, i, c.Period.Span(t.now, zones[id]).From})
			}
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	var rows []struct {
		OfferID uuid.UUID
		Index   int
		Used    proofback.Decimal
	}
	err := t.NewSelect().
		With("want", t.NewValues(&wanted)).
		TableExpr("want").
		ColumnExpr("want.offer_id, want.index").
		ColumnExpr("("+capQueries[metric]+") AS used").
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
	zones := make(map[uuid.UUID]*time.Location, len(rows))
	for _, r := range rows {
		zone, zerr := time.LoadLocation(r.TimeZone)
		if zerr != nil {
			return nil, zerr
		}
		zones[r.ID] = zone
	}
	return zones, err
}
