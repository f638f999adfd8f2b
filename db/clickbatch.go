package db

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/proofback/proofback"
)

// clickBatch is clicks that are stored together, or none of them.
type clickBatch struct {
	copy copyIn
	rows int
	// Texts that may not be stored yet, by textID.
	agents    map[int64]string
	referrers map[int64]string
	texts     int // their bytes
	// Clicks that take places of their offers' caps, in the order of their rows.
	counted []*countedClick
	// Clicks by their hours, that nobody counts else.
	told map[time.Time]int64
	// When they were made.
	quarters quarterHours

	stored chan struct{} // closed when err is known
	err    error
}

// newClickBatch makes a batch for a table, given a COPY of rows as appendClick
// writes them. Its rows gather in buffer.
func newClickBatch(buffer []byte, statement string) *clickBatch {
	b := &clickBatch{copy: copyIn{messages: buffer[:0]}, stored: make(chan struct{})}
	b.copy.into(statement)
	return b
}

// size is the memory that a batch takes, in bytes.
func (b *clickBatch) size() int { return len(b.copy.messages) + b.texts }

// wait returns when b.err is known, or with an error when ctx ends first.
func (b *clickBatch) wait(ctx context.Context) error {
	left := ctx.Done()
	if left == nil {
		<-b.stored
		return nil
	}
	select {
	case <-b.stored:
		return nil
	case <-left:
		return ctx.Err()
	}
}

// addText remembers a text to be stored with the rows that name it.
func (b *clickBatch) addText(texts *map[int64]string, id int64, s string) {
	if *texts == nil {
		*texts = make(map[int64]string)
	}
	if _, ok := (*texts)[id]; !ok {
		(*texts)[id] = s
		b.texts += len(s)
	}
}

// write stores the batch in one transaction. It does not try twice: after a lost
// connection nobody knows whether the first time was committed.
func (b *clickBatch) write(ctx context.Context, pool *pgxpool.Pool, now time.Time) error {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return &lostError{err}
	}
	defer conn.Release() // the pool drops a connection with an open transaction
	return lostWith(conn, b.writeOn(ctx, conn, b.quarters.over(now)))
}

func (b *clickBatch) writeOn(ctx context.Context, conn *pgxpool.Conn, late []time.Time) error {
	if len(b.agents) == 0 && len(b.referrers) == 0 && len(b.counted) == 0 && len(b.told) == 0 && len(late) == 0 {
		return b.copyRows(ctx, conn.Conn()) // a transaction by itself
	}
	counters, err := b.begin(ctx, conn.Conn(), late)
	if err != nil {
		return err
	}
	if err := b.takePlaces(counters); err != nil {
		return err
	}
	if err := b.copyRows(ctx, conn.Conn()); err != nil {
		return err
	}
	q := &pgx.Batch{}
	counters.queue(q)
	queueTold(q, b.told, time.Now())
	q.Queue(`COMMIT`)
	return conn.SendBatch(ctx, q).Close()
}

// begin opens a transaction, names the quarter hours that are over, inserts the
// texts, and takes hold of the counters of clicks, in one round trip.
func (b *clickBatch) begin(ctx context.Context, conn *pgx.Conn, late []time.Time) (*capCounters, error) {
	q := &pgx.Batch{}
	q.Queue(`BEGIN`)
	queueLate(q, late)
	b.queueTexts(q)
	if len(b.counted) > 0 {
		// Whoever makes a counter waits for those who may not find it.
		q.Queue(`LOCK TABLE ONLY clicks IN ROW EXCLUSIVE MODE`)
	}
	counters := b.queueCounters(q)
	return counters, conn.SendBatch(ctx, q).Close()
}

func (b *clickBatch) queueTexts(q *pgx.Batch) {
	queueTexts(q, `
		INSERT INTO user_agents (id, value)
		SELECT * FROM unnest($1::bigint[], $2::text[])
		ON CONFLICT DO NOTHING`, b.agents)
	queueTexts(q, `
		INSERT INTO referrers (id, value)
		SELECT * FROM unnest($1::bigint[], $2::text[])
		ON CONFLICT DO NOTHING`, b.referrers)
}

// queueTexts inserts in the order of ids: two transactions that insert the same
// texts wait for each other in the same order, and never in a circle.
func queueTexts(q *pgx.Batch, query string, texts map[int64]string) {
	if len(texts) == 0 {
		return
	}
	ids := slices.Sorted(maps.Keys(texts))
	values := make([]string, len(ids))
	for i, id := range ids {
		values[i] = texts[id]
	}
	q.Queue(query, ids, values)
}

func (b *clickBatch) copyRows(ctx context.Context, conn *pgx.Conn) error {
	b.copy.done()
	return b.copy.send(ctx, conn.PgConn())
}

// addRow takes the row of a click; counted says what it counts for, nil for nothing.
func (b *clickBatch) addRow(row []byte, counted *countedClick) {
	if counted != nil {
		counted.row = len(b.copy.messages)
		b.counted = append(b.counted, counted)
	}
	b.copy.messages = append(b.copy.messages, row...)
	b.rows++
}

// latest is now by the Store's clock, or by the machine's where the other is turned
// back: the past may be told after others have counted it.
func (s *Store) latest() time.Time {
	now := s.now()
	if machine := time.Now(); machine.After(now) {
		return machine
	}
	return now
}

// InsertClicks stores clicks that were made elsewhere, all or none. Those that
// find a cap of their offer reached, in the order given, get that as their outcome.
// Their days' partitions should be there (MakePartitions). Only for Proofback
// itself.
func (s *Store) InsertClicks(ctx context.Context, actor proofback.Actor, clicks []proofback.Click) error {
	if actor.Role != proofback.RoleSystem {
		return proofback.Errorf(proofback.CodeForbidden, "clicks are made by visitors")
	}
	if len(clicks) == 0 {
		return nil
	}
	counted, err := s.countedClicks(ctx, clicks)
	if err != nil {
		return domainError(err)
	}
	b := newClickBatch(nil, copyClicks)
	b.told = map[time.Time]int64{}
	var row []byte
	for i := range clicks {
		c := &clicks[i]
		agent, referrer := textID(c.UserAgent), textID(c.Referrer)
		if row, err = appendClick(row[:0], c, agent, referrer); err != nil {
			return err
		}
		b.addRow(row, counted[i])
		b.quarters.add(c.At)
		b.told[c.At.UTC().Truncate(time.Hour)]++
		if agent != 0 {
			b.addText(&b.agents, agent, c.UserAgent)
		}
		if referrer != 0 {
			b.addText(&b.referrers, referrer, c.Referrer)
		}
	}
	if err := b.write(ctx, s.pool, s.latest()); err != nil {
		return domainError(err)
	}
	for i, n := range counted {
		if n != nil {
			clicks[i].Outcome = n.outcome
		}
	}
	return nil
}
