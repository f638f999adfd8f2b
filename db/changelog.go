package db

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// changeRow is a change of a conversion: it was made, moved or adjusted.
type changeRow struct {
	Xact         int64
	ID           uuid.UUID // of the transition or adjustment
	ConversionID uuid.UUID
}

// changesSince are the conversions that changed after a place.
type changesSince struct {
	rows     []changeRow // in the order that changePlace.after means
	snapshot changePlace // as of which they were read
	more     bool        // are there: go on at place
	place    changePlace // whoever was told of the rows is here
}

// changesSQL reads the changes that nobody at a place was told of, in the order that
// changePlace.after means: those of transactions that were running then, and those of later
// ones. owned narrows them to a partner's.
func changesSQL(owned string) string {
	var parts []string
	for _, table := range []string{"transitions", "adjustments"} {
		change := "SELECT xact, id, conversion_id FROM " + table
		parts = append(parts,
			change+" WHERE xact = ANY($2::bigint[]) AND (xact <> $3::bigint OR id > $4::uuid)"+owned,
			"("+change+" WHERE xact >= $1::bigint"+owned+" ORDER BY xact, id LIMIT $5::bigint)")
	}
	return "SELECT xact, id, conversion_id FROM (" + strings.Join(parts, " UNION ALL ") + ") AS change ORDER BY xact <> $3::bigint, xact, id LIMIT $5::bigint"
}

// changesAfter reads what changed after a place, in one round trip: all of it, or what
// concerns a partner.
func (s *Store) changesAfter(ctx context.Context, actor proofback.Actor, p changePlace, limit int) (changesSince, error) {
	running := p.running
	if running == nil {
		running = []int64{}
	}
	args := []any{p.next, running, p.partly, p.upTo, limit}
	owned := ""
	switch actor.Role {
	case proofback.RoleAffiliate:
		owned, args = " AND affiliate_id = $6::uuid", append(args, actor.AffiliateID)
	case proofback.RoleAdvertiser:
		owned, args = " AND advertiser_id = $6::uuid", append(args, actor.AdvertiserID)
	}
	got := changesSince{}
	var q pgx.Batch
	q.Queue(beginRead)
	q.Queue(`SELECT pg_current_snapshot()::text`).QueryRow(func(row pgx.Row) error {
		var text string
		if err := row.Scan(&text); err != nil {
			return err
		}
		got.snapshot, _ = readSnapshot(text)
		return nil
	})
	q.Queue(changesSQL(owned), args...).Query(func(rows pgx.Rows) (err error) {
		got.rows, err = pgx.CollectRows(rows, pgx.RowToStructByPos[changeRow])
		return err
	})
	q.Queue(`COMMIT`)
	if err := s.pool.SendBatch(ctx, &q).Close(); err != nil {
		return changesSince{}, domainError(err)
	}
	if got.place = got.snapshot; len(got.rows) == limit {
		last := got.rows[limit-1]
		got.more, got.place = true, p.after(got.snapshot, last.Xact, last.ID)
	}
	return got, nil
}

// conversionsNow gives conversions as they stand, with all that staff may see.
func (s *Store) conversionsNow(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*conversionRow, error) {
	found := make(map[uuid.UUID]*conversionRow, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	err := s.readTx(ctx, proofback.System(), func(ctx context.Context, tx *tx) error {
		var rows []conversionRow
		err := selectConversions(tx, &rows).Where("conversion.id IN (?)", bun.List(ids)).Scan(ctx)
		for i := range rows {
			found[rows[i].ID] = &rows[i]
		}
		return err
	})
	return found, err
}
