package db

import (
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// queueFirstReceived brings, for a batch with replays in it, when the requests that
// told of the known conversions first came. It follows the query for those. A
// request that the log does not hold any more came when its conversion was made.
func (b *decideBatch) queueFirstReceived(q *pgx.Batch, clicks, advertisers []uuid.UUID, txids []string) {
	if !slices.ContainsFunc(b.items, func(it decideItem) bool { return !it.reading.FirstReceivedAt.IsZero() }) {
		return
	}
	q.Queue(`
		SELECT c.id, coalesce(first.received_at, told.received_at, c.received_at)
		FROM (
			SELECT id, postback_id, received_at
			FROM conversions
			WHERE click_id = ANY ($1)
			UNION ALL
			SELECT id, postback_id, received_at
			FROM conversions
			WHERE (advertiser_id, txid) IN (SELECT * FROM unnest($2::uuid[], $3::text[]))) AS c
		LEFT JOIN postbacks AS told ON told.id = c.postback_id
		LEFT JOIN postbacks AS first ON first.id = told.replay_of`,
		clicks, advertisers, txids).Query(func(rows pgx.Rows) error {
		var id uuid.UUID
		var at time.Time
		_, err := pgx.ForEachRow(rows, []any{&id, &at}, func() error {
			if c := b.known.byID[id]; c != nil {
				c.FirstReceivedAt = at.UTC()
			}
			return nil
		})
		return err
	})
}
