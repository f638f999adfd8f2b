package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/server/bench/load"
)

const (
	fillDays    = 30 // the stored clicks were made in
	fillChunk   = 5000
	fillWriters = 4
)

// fill sees to it that n clicks are stored, evenly spread over the last weeks.
// Those of another fill go first, so that each click is what its number says.
func (b *bed) fill(ctx context.Context, n int) error {
	if b.Clicks.Count == n {
		return nil
	}
	began := time.Now()
	if b.Clicks.Count > 0 {
		if _, err := b.store.Pool().Exec(ctx, `TRUNCATE clicks`); err != nil {
			return err
		}
	}
	b.Clicks.Count, b.Clicks.Span = n, fillDays*24*time.Hour
	b.Clicks.From = began.UTC().Add(-b.Clicks.Span - time.Hour).Truncate(time.Second)
	if _, err := b.store.MakePartitions(ctx, b.Clicks.From, began); err != nil {
		return err
	}
	links, err := b.links(ctx)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	for w := range fillWriters {
		g.Go(func() error {
			return b.fillStretch(ctx, links, n*w/fillWriters, n*(w+1)/fillWriters)
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	progress("stored %d clicks in %s", n, time.Since(began).Round(time.Second))
	return b.save()
}

// fillStretch stores the clicks from one number to another, in the order in which they
// were made: what comes in order leaves the index as full as visitors leave it.
func (b *bed) fillStretch(ctx context.Context, links []*db.Link, first, end int) error {
	for ; first < end; first += fillChunk {
		chunk := make([]proofback.Click, min(fillChunk, end-first))
		for i := range chunk {
			chunk[i] = storedClick(&b.Clicks, links, first+i)
		}
		if err := b.store.InsertClicks(ctx, proofback.System(), chunk); err != nil {
			return err
		}
	}
	return nil
}

// links are the network's, as they are served.
func (b *bed) links(ctx context.Context) ([]*db.Link, error) {
	setup, err := b.store.NewSetup(ctx)
	if err != nil {
		return nil, err
	}
	links := make([]*db.Link, len(b.Codes))
	for i, code := range b.Codes {
		if links[i], err = setup.Link(ctx, code); err != nil {
			return nil, err
		}
	}
	return links, nil
}

// storedClick is click n.
func storedClick(c *load.Clicks, links []*db.Link, n int) proofback.Click {
	l := links[n%len(links)]
	id := c.ID(n)
	return proofback.Click{
		ID:           id,
		At:           proofback.UUIDTime(id),
		LinkID:       l.ID,
		OfferID:      l.Terms.OfferID,
		AffiliateID:  l.Affiliate.ID,
		AdvertiserID: l.Advertiser.ID,
		TermsID:      l.Terms.ID,
		Outcome:      proofback.ClickRedirected,
		Device:       proofback.DeviceMobile,
		UserAgent:    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
		Source:       "newsletter",
		Subs:         [10]string{"campaign-7", id.String()[:13]},
	}
}

// settle leaves nothing of the preparations to be done while it is measured, and
// the write-ahead log as a cluster has it that has run for a while: with files to
// be used again. A new cluster makes each of its first ones while those who commit
// wait for it.
func (b *bed) settle(ctx context.Context) error {
	for _, statement := range []string{
		`VACUUM ANALYZE clicks`,
		`VACUUM ANALYZE conversions`,
		`CREATE TABLE bench_used AS SELECT repeat(md5(n::text), 60) FROM generate_series(1, 300000) AS n`, // 600 MB
		`DROP TABLE bench_used`,
		`CHECKPOINT`,
	} {
		if _, err := b.store.Pool().Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// use has Postgres' memory used once, as far as it goes, up to some bytes. The kernel gives
// each page when it is first written to, emptied, and whoever writes waits for it: a cluster
// that has run for a day has no such pages left, and in a new one they are a tenth of what
// Postgres does for a postback. It comes before anything is stored, whose place it would take.
func (b *bed) use(ctx context.Context, size int) error {
	began := time.Now()
	for _, statement := range []string{
		`CREATE UNLOGGED TABLE bench_used (page text)`,
		`ALTER TABLE bench_used ALTER page SET STORAGE PLAIN`,
		fmt.Sprintf(`INSERT INTO bench_used
			SELECT repeat('-', 8000)
			FROM generate_series(1, (SELECT least(setting::bigint, %d) FROM pg_settings WHERE name = 'shared_buffers'))`, size/postgresPage),
		`DROP TABLE bench_used`,
	} {
		if _, err := b.store.Pool().Exec(ctx, statement); err != nil {
			return err
		}
	}
	progress("used Postgres' memory once in %s", time.Since(began).Round(time.Second))
	return nil
}

const postgresPage = 8 << 10 // bytes

// warm reads what look-ups of clicks read: Postgres has it in its memory, as far as it
// fits, once it has run for some days.
func (b *bed) warm(ctx context.Context) error {
	return pgx.BeginFunc(ctx, b.store.Pool(), func(tx pgx.Tx) error {
		for _, statement := range []string{`SET LOCAL enable_seqscan = off`, `SET LOCAL max_parallel_workers_per_gather = 0`, `SELECT count(at) FROM clicks`} {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
}

// restPatience is for how long Postgres may tidy up.
const restPatience = 2 * time.Minute

// rest leaves nothing to be done for what was stored so far: Postgres vacuums what has
// grown when it likes to, and whoever is measured meanwhile pays for it.
func (b *bed) rest(ctx context.Context) error {
	for _, statement := range []string{`VACUUM ANALYZE`, `CHECKPOINT`} {
		if _, err := b.store.Pool().Exec(ctx, statement); err != nil {
			return err
		}
	}
	began := time.Now()
	for busy := 1; busy > 0; {
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
		const workers = `SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'`
		if err := b.store.Pool().QueryRow(ctx, workers).Scan(&busy); err != nil {
			return err
		}
		if time.Since(began) > restPatience {
			return errors.New("postgres goes on vacuuming")
		}
	}
	return nil
}
