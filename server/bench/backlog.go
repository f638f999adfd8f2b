package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/jobs"
)

// backlogChunk is how many conversions a transaction of a backlog makes: about
// what a batch of postbacks is under load.
const backlogChunk = 200

// destination is where an affiliate of the bed is told, and who plays it.
type destination struct {
	id  uuid.UUID
	url string
}

// backlogTxID is the transaction id of event n.
func backlogTxID(prefix string, n int) string { return fmt.Sprintf("%s%d", prefix, n) }

// backlog makes conversions and what is to be told of them, as a change of
// conversions does, for somebody else to carry out.
func (s *suite) backlog(ctx context.Context, n int, prefix string) error {
	enqueuer, err := jobs.New(s.bed.store, jobs.Config{InsertOnly: true})
	if err != nil {
		return err
	}
	var last uuid.UUID // of the clicks that have a conversion
	for first := 0; first < n; first += backlogChunk {
		err := pgx.BeginFunc(ctx, s.bed.store.Pool(), func(tx pgx.Tx) error {
			moves, err := s.convert(ctx, tx, &last, first, min(backlogChunk, n-first), prefix)
			if err != nil {
				return err
			}
			keys, err := s.bed.store.RecordDeliveries(ctx, tx, moves)
			if err != nil {
				return err
			}
			if len(keys) != len(moves) {
				return fmt.Errorf("%d deliveries of %d conversions", len(keys), len(moves))
			}
			return enqueuer.EnqueueDeliveries(ctx, tx, keys)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// convert makes conversions of the clicks that follow last.
func (s *suite) convert(ctx context.Context, tx pgx.Tx, last *uuid.UUID, first, n int, prefix string) ([]db.Announcement, error) {
	rows, err := tx.Query(ctx, `
		INSERT INTO conversions
		  (id, advertiser_id, offer_id, goal_id, affiliate_id, click_id, terms_id, postback_id, event_type, txid, status, began,
		   event_at, received_at, click_at, payout, payout_currency, revenue, revenue_currency,
		   normal_payout, normal_revenue, normal_currency, rate_date, rate_source)
		SELECT uuid_v7($1), k.advertiser_id, k.offer_id, k.offer_id, k.affiliate_id, k.id, k.terms_id, k.id, 'sale', $2 || (k.n + $3 - 1), 'PENDING', 'PENDING',
		  $1, $1, k.at, 3.19, 'EUR', 3.99, 'EUR',
		  3.19, 3.99, 'EUR', current_date, 'SAME'
		FROM (
		  SELECT *, row_number() OVER (ORDER BY id) AS n
		  FROM (SELECT * FROM clicks WHERE id > $4 ORDER BY id LIMIT $5) AS next
		) AS k
		RETURNING id, click_id, affiliate_id, offer_id`, time.Now(), prefix, first, *last, n)
	if err != nil {
		return nil, err
	}
	var moves []db.Announcement
	m := db.Announcement{EventType: "sale", Status: proofback.StatusPending}
	_, err = pgx.ForEachRow(rows, []any{&m.ConversionID, &m.ClickID, &m.AffiliateID, &m.OfferID}, func() error {
		m.TransitionID = uuid.Must(uuid.NewV7())
		moves = append(moves, m)
		return nil
	})
	if err == nil && len(moves) != n {
		err = fmt.Errorf("there are clicks for %d more conversions, and %d are asked for", len(moves), n)
	}
	if err == nil {
		*last = moves[n-1].ClickID
	}
	return moves, err
}

// receive has the endpoints of all affiliates played by receivers of this
// process, and forgets what others were to be told.
func (s *suite) receive(ctx context.Context) error {
	if err := s.forget(ctx); err != nil {
		return err
	}
	rows, err := s.bed.store.Pool().Query(ctx, `SELECT id FROM destinations ORDER BY id`)
	if err != nil {
		return err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return err
	}
	if s.receivers, err = openReceivers(ctx, len(ids)); err != nil {
		return err
	}
	for i, id := range ids {
		d := destination{id: id, url: s.receivers.list[i].url}
		s.destinations = append(s.destinations, d)
		_, err := s.bed.store.Pool().Exec(ctx, `UPDATE destinations SET url_template = $2 WHERE id = $1`, id, d.url+"?tx={txid}&payout={payout}&status={status}&cid={sub1}")
		if err != nil {
			return err
		}
	}
	return nil
}

// forget leaves nothing of earlier measurements to be done.
func (s *suite) forget(ctx context.Context) error {
	for _, statement := range []string{
		`TRUNCATE parked`,
		`DELETE FROM river_job WHERE kind IN ('deliver', 'fan_out', 'release', 'bench_request')`, // upkeep of this hour stays done
		`UPDATE deliveries SET status = 'CANCELLED', next_attempt_at = NULL WHERE status = 'PENDING'`,
		`UPDATE destinations SET enabled = true, gone = false, health_state = 'UNKNOWN', health_reason = '', failures = 0, failing_since = NULL,
		  opened = 0, open_until = NULL, probe_until = NULL`,
		`VACUUM ANALYZE deliveries`, `VACUUM ANALYZE attempts`, `VACUUM ANALYZE river_job`,
	} {
		if _, err := s.bed.store.Pool().Exec(ctx, statement); err != nil {
			return err
		}
	}
	return s.bed.settle(ctx)
}
