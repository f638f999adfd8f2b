package db

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db/spool"
)

const (
	// drainChunk is how many clicks are moved in one transaction.
	drainChunk   = 1000
	drainTimeout = 10 * time.Second
	// drainDays bounds how old a day may be that a partition is made for.
	drainDays = 31
)

// drain moves what is kept into the database, a segment at a time. What was moved
// and not removed before the process died is moved again and changes nothing. What the
// disk does not give is passed over, and tried again the next time.
func (k *clickSpool) drain(ctx context.Context) error {
	var unread []*spool.Segment
	var failed error
	for g := k.files.Next(); g != nil; g = k.files.Next(unread...) {
		records, err := g.Records()
		if err != nil {
			unread, failed = append(unread, g), err
			continue
		}
		if err := k.drainSegment(ctx, g, records); err != nil {
			return err
		}
	}
	return failed
}

func (k *clickSpool) drainSegment(ctx context.Context, g *spool.Segment, records []spool.Record) error {
	began := time.Now()
	clicks, unusable := k.read(records)
	if err := k.partitionsFor(ctx, clicks); err != nil {
		return err
	}
	if err := k.nameHours(ctx, g, clicks); err != nil {
		return err
	}
	known := 0
	for chunk := range slices.Chunk(clicks, drainChunk) {
		if err := k.sayWhenDue(ctx); err != nil {
			return err
		}
		if err := k.pace.WaitN(ctx, len(chunk)); err != nil {
			return err
		}
		result, err := k.move(ctx, chunk)
		if err != nil {
			return err
		}
		known += result.known
		unusable += result.refused
	}
	if err := k.files.Done(g, unusable); err != nil {
		return err
	}
	k.drained.Add(int64(len(clicks)))
	if len(clicks) > 0 {
		k.logDrained(len(clicks), known, time.Since(began))
	}
	return nil
}

// read gives the clicks of records, and how many are none.
func (k *clickSpool) read(records []spool.Record) (clicks []spooledClick, unusable int) {
	clicks = make([]spooledClick, 0, len(records))
	for _, r := range records {
		c, err := readSpooled(r)
		if err != nil {
			k.log.Error("a click in the spool cannot be read", "at", r.At, "error", err)
			unusable++
			continue
		}
		clicks = append(clicks, c)
	}
	return clicks, unusable
}

// partitionsFor makes the partitions of the clicks' days where they are missing, and of
// no others. Where one cannot be made now, or no more, the default partition takes the clicks.
func (k *clickSpool) partitionsFor(ctx context.Context, clicks []spooledClick) error {
	now := k.store.clock()
	oldest, newest := clickDayAt(now.AddDate(0, 0, -drainDays)), clickDayAt(now.AddDate(0, 0, PartitionDaysAhead))
	days := map[clickDay]time.Time{}
	for _, c := range clicks {
		if d := clickDayAt(c.at); d >= oldest && d <= newest {
			days[d] = c.at
		}
	}
	if len(days) == 0 {
		return nil
	}
	q := &pgx.Batch{}
	for _, at := range days {
		q.Queue(`SELECT make_partitions($1::date, $1::date, ARRAY['clicks'])`, day(at))
	}
	err := k.with(ctx, func(conn *pgx.Conn) error { return conn.SendBatch(ctx, q).Close() })
	if err != nil && !isLost(err) {
		k.log.Warn("partitions for spooled clicks cannot be made: the default one takes them", "error", err)
		return nil
	}
	return err
}

// moved is what became of a chunk.
type moved struct {
	known   int // clicks that were stored already
	refused int // clicks that Postgres does not take
}

// move stores a chunk. If Postgres refuses it for what is in it, its halves are
// tried by themselves, so that one click is refused alone.
func (k *clickSpool) move(ctx context.Context, chunk []spooledClick) (moved, error) {
	stored, err := k.insert(ctx, chunk)
	switch {
	case err == nil:
		return moved{known: len(chunk) - stored}, nil
	case !refusesData(err):
		return moved{}, err
	case len(chunk) == 1:
		k.log.Error("postgres does not take a click from the spool", "at", chunk[0].at, "error", err)
		return moved{refused: 1}, nil
	}
	a, err := k.move(ctx, chunk[:len(chunk)/2])
	if err != nil {
		return moved{}, err
	}
	b, err := k.move(ctx, chunk[len(chunk)/2:])
	return moved{a.known + b.known, a.refused + b.refused}, err
}

// refusesData reports whether an error is about the rows themselves, and would
// come again however often they were tried.
func refusesData(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && !housedMeanwhile(err) && (strings.HasPrefix(pg.Code, "22") || strings.HasPrefix(pg.Code, "23"))
}

// insert stores clicks in one transaction, except those that are stored already,
// and gives how many were not. Postbacks that waited for them are looked at.
func (k *clickSpool) insert(ctx context.Context, clicks []spooledClick) (stored int, err error) {
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	b := newClickBatch(nil, copySpooled)
	for _, c := range clicks {
		b.addRow(c.row, nil)
		b.quarters.add(c.at)
		if id := textID(c.agent); id != 0 {
			b.addText(&b.agents, id, c.agent)
		}
		if id := textID(c.referrer); id != 0 {
			b.addText(&b.referrers, id, c.referrer)
		}
	}
	err = k.with(ctx, func(conn *pgx.Conn) error {
		err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			q := &pgx.Batch{}
			b.queueTexts(q)
			queueLate(q, b.quarters.all())
			q.Queue(`CREATE TEMPORARY TABLE spooled (LIKE clicks) ON COMMIT DROP`)
			if err := tx.SendBatch(ctx, q).Close(); err != nil {
				return err
			}
			if err := b.copyRows(ctx, conn); err != nil {
				return err
			}
			var err error
			if stored, err = insertSpooled(ctx, tx); err != nil {
				return err
			}
			return ownSignals(ctx, tx)
		})
		if err != nil {
			return err
		}
		// Not before the commit: a postback that is deferred meanwhile is looked at
		// once by itself, and must not find neither.
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return k.lookAtWaiting(ctx, tx, clicks) })
	})
	return stored, err
}

// insertSpooled takes the rows in the order of their keys: two processes that
// drain the same clicks wait for each other in one order, and never in a circle.
// It gives how many were not there before.
func insertSpooled(ctx context.Context, tx pgx.Tx) (int, error) {
	rows, err := tx.Query(ctx, `
		WITH stored AS (
			INSERT INTO clicks (`+clickColumnNames+`)
			SELECT `+clickColumnNames+`
			FROM spooled
			ORDER BY id
			ON CONFLICT DO NOTHING
			RETURNING offer_id, advertiser_id, at, outcome, bot
		)
		SELECT s.offer_id, s.at, coalesce(a.time_zone, 'UTC'), s.outcome = 0 AND NOT s.bot AND EXISTS (
			SELECT
			FROM cap_usage AS u
			WHERE u.offer_id = s.offer_id
			AND u.metric = 'CLICKS')
		FROM stored AS s
		LEFT JOIN advertisers AS a ON a.id = s.advertiser_id`)
	if err != nil {
		return 0, err
	}
	var c proofback.Click
	var zone string
	var counts bool
	var counted clickBatch
	stored, err := pgx.ForEachRow(rows, []any{&c.OfferID, &c.At, &zone, &counts}, func() error {
		if !counts {
			return nil
		}
		at, err := time.LoadLocation(zone)
		counted.counted = append(counted.counted, newCountedClick(&c, nil, at))
		return err
	})
	if err != nil || len(counted.counted) == 0 {
		return int(stored.RowsAffected()), err
	}
	return int(stored.RowsAffected()), counted.count(ctx, tx)
}

// ownSignals tells what the pixel reported before the clicks were stored whose it is.
func ownSignals(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `
		UPDATE pixel_signals AS s
		SET
			advertiser_id = c.advertiser_id,
			offer_id = c.offer_id,
			affiliate_id = nullif(c.affiliate_id, '00000000-0000-0000-0000-000000000000')
		FROM spooled AS c
		WHERE s.click_id = c.id
		  AND s.advertiser_id IS NULL`)
	return err
}

// count adds clicks to the counters that there are, whatever their limit: the
// clicks were made, under terms without a cap, before there was one.
func (b *clickBatch) count(ctx context.Context, tx pgx.Tx) error {
	hold, keep := &pgx.Batch{}, &pgx.Batch{}
	counters := b.queueCounters(hold)
	if err := tx.SendBatch(ctx, hold).Close(); err != nil {
		return err
	}
	for _, n := range b.counted {
		if err := counters.takeClick(n); err != nil {
			return err
		}
	}
	counters.queue(keep)
	return tx.SendBatch(ctx, keep).Close()
}

// lookAtWaiting asks for the postbacks to be looked at that waited for clicks.
func (k *clickSpool) lookAtWaiting(ctx context.Context, tx pgx.Tx, clicks []spooledClick) error {
	rows, err := tx.Query(ctx, `SELECT postback_id FROM deferred WHERE click_id = ANY ($1)`,
		column(clicks, func(c spooledClick) uuid.UUID { return c.id }))
	if err != nil {
		return err
	}
	waiting, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil || len(waiting) == 0 || k.store.enqueuer == nil {
		return err
	}
	return k.store.enqueuer.EnqueueLooks(ctx, tx, waiting)
}
