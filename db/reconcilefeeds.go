package db

import (
	"cmp"
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/proofback/proofback"
)

// feedRow is a row of reconciliation_feeds.
type feedRow struct {
	bun.BaseModel `bun:"table:reconciliation_feeds,alias:feed"`

	ID           uuid.UUID               `bun:"id,pk"`
	AdvertiserID uuid.UUID               `bun:"advertiser_id"`
	URL          string                  `bun:"url"`
	Format       proofback.ListFormat    `bun:"format"`
	Schedule     string                  `bun:"schedule"`
	Columns      []proofback.NameMapping `bun:"columns,type:jsonb"`
	Days         int                     `bun:"days"`
	Enabled      bool                    `bun:"enabled"`
	ETag         string                  `bun:"etag"`
	NextRunAt    time.Time               `bun:"next_run_at"`
	LastRun      uuid.UUID               `bun:"last_run,nullzero"`
	CreatedAt    time.Time               `bun:"created_at"`
}

func (r *feedRow) value() *proofback.ReconciliationFeed {
	return &proofback.ReconciliationFeed{
		ID: r.ID, AdvertiserID: r.AdvertiserID, URL: r.URL, Format: r.Format, Schedule: r.Schedule, Columns: r.Columns, Days: r.Days,
		Enabled: r.Enabled, ETag: r.ETag, NextRunAt: r.NextRunAt.UTC(), LastRun: r.LastRun, CreatedAt: r.CreatedAt.UTC(),
	}
}

// audited is the row as the audit log may have it: URLs hold passwords.
func (r *feedRow) audited() *feedRow {
	if r == nil {
		return nil
	}
	shown := *r
	shown.URL = proofback.MaskURL(r.URL)
	return &shown
}

// first gives the one row that a query may find, or nil.
func first[R any](rows []R) *R {
	if len(rows) == 0 {
		return nil
	}
	return &rows[0]
}

// SetReconciliationFeed makes or replaces an advertiser's feed. Staff, and the
// advertiser itself.
func (s *Store) SetReconciliationFeed(ctx context.Context, actor proofback.Actor, f *proofback.ReconciliationFeed) (*proofback.ReconciliationFeed, error) {
	if err := cmp.Or(actor.RequireOfferSide(), actor.RequireChange()); err != nil {
		return nil, err
	}
	if err := cmp.Or(proofback.CheckReconciliationFeed(f), s.requireCallable(f.URL, "url")); err != nil {
		return nil, err
	}
	zone, err := s.advertiserZone(ctx, actor, f.AdvertiserID)
	if err != nil {
		return nil, err
	}
	now := s.clock()
	row := &feedRow{
		ID: newID(), AdvertiserID: f.AdvertiserID, URL: f.URL, Format: f.Format, Schedule: f.Schedule, Columns: f.Columns, Days: f.Days,
		Enabled: f.Enabled, NextRunAt: f.Next(now, zone), CreatedAt: now,
	}
	if row.Columns == nil {
		row.Columns = []proofback.NameMapping{}
	}
	// It was made sure above that the advertiser is the actor's to change.
	err = s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		return tx.asOwner(ctx, func() error {
			var before []feedRow
			err := tx.NewSelect().Model(&before).Where("advertiser_id = ?", f.AdvertiserID).For("UPDATE").Scan(ctx)
			if err != nil {
				return err
			}
			_, err = tx.NewInsert().
				Model(row).
				On("CONFLICT (advertiser_id) DO UPDATE").
				Set("url = EXCLUDED.url, format = EXCLUDED.format, schedule = EXCLUDED.schedule, columns = EXCLUDED.columns").
				Set("days = EXCLUDED.days, enabled = EXCLUDED.enabled, next_run_at = EXCLUDED.next_run_at, etag = ''").
				Returning("*").
				Exec(ctx)
			tx.changed(proofback.KindReconciliationFeed, row.ID, first(before).audited(), row.audited())
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return row.value(), nil
}

func (s *Store) advertiserZone(ctx context.Context, actor proofback.Actor, id uuid.UUID) (*time.Location, error) {
	if actor.Role == proofback.RoleAdvertiser && actor.AdvertiserID != id {
		return nil, proofback.NotFound("advertiser")
	}
	found, err := s.AdvertisersByID(ctx, actor, []uuid.UUID{id})
	if err != nil {
		return nil, err
	}
	if found[id] == nil {
		return nil, proofback.NotFound("advertiser")
	}
	zone, err := time.LoadLocation(found[id].TimeZone)
	if err != nil {
		return nil, proofback.Internal("time zone", err)
	}
	return zone, nil
}

// FeedsByAdvertiser gives the feeds of advertisers that the actor may see.
func (s *Store) FeedsByAdvertiser(ctx context.Context, actor proofback.Actor, advertisers []uuid.UUID) (map[uuid.UUID]*proofback.ReconciliationFeed, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]*proofback.ReconciliationFeed, len(advertisers))
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []feedRow
		q := tx.NewSelect().Model(&rows).Where("feed.advertiser_id IN (?)", bun.List(advertisers))
		if actor.Role == proofback.RoleAffiliate {
			q.Where("FALSE")
		} else {
			q = ownRows(q, actor, "feed")
		}
		err := q.Scan(ctx)
		for i := range rows {
			found[rows[i].AdvertiserID] = rows[i].value()
		}
		return err
	})
	return found, err
}

// TakeDueFeeds gives the feeds that are to be fetched now, each to one caller, and
// plans their next time. enqueue is called with each before that is kept. System.
func (s *Store) TakeDueFeeds(ctx context.Context, actor proofback.Actor, limit int, enqueue func(ctx context.Context, tx pgx.Tx, advertisers []uuid.UUID) error) error {
	if err := actor.RequireStaff(); err != nil {
		return err
	}
	return s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []struct {
			feedRow  `bun:",extend"`
			TimeZone string `bun:"time_zone,scanonly"`
		}
		err := tx.NewSelect().
			Model(&rows).
			ColumnExpr("?TableColumns, a.time_zone").
			Join("JOIN advertisers AS a ON a.id = feed.advertiser_id").
			Where("feed.enabled").
			Where("feed.next_run_at <= ?", tx.now).
			OrderExpr("feed.next_run_at").
			Limit(int64(limit)).
			For("UPDATE OF feed SKIP LOCKED").
			Scan(ctx)
		if err != nil || len(rows) == 0 {
			return err
		}
		advertisers := make([]uuid.UUID, len(rows))
		ids, next := make([]uuid.UUID, len(rows)), make([]time.Time, len(rows))
		for i := range rows {
			zone, err := time.LoadLocation(rows[i].TimeZone)
			if err != nil {
				return err
			}
			advertisers[i] = rows[i].AdvertiserID
			ids[i], next[i] = rows[i].ID, rows[i].value().Next(tx.now, zone)
		}
		_, err = tx.NewRaw(`
			UPDATE reconciliation_feeds AS feed
			SET next_run_at = planned.at
			FROM unnest(?::uuid[], ?::timestamptz[]) AS planned (id, at)
			WHERE feed.id = planned.id`, pgdialect.Array(ids), pgdialect.Array(next)).Exec(ctx)
		if err != nil {
			return err
		}
		return tx.asPgx(func(pg pgx.Tx) error { return enqueue(ctx, pg, advertisers) })
	})
}

// FeedRan keeps what came of a fetch: the comparison that it led to, and the list's
// entity tag. System.
func (s *Store) FeedRan(ctx context.Context, actor proofback.Actor, feed, run uuid.UUID, etag string) error {
	if err := actor.RequireStaff(); err != nil {
		return err
	}
	_, err := s.pool.Exec(ctx, `UPDATE reconciliation_feeds SET last_run = $2, etag = $3 WHERE id = $1`, feed, run, etag)
	return domainError(err)
}
