package db

import (
	"bytes"
	"context"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/proofback/proofback"
)

// clickBatch is clicks that are stored together, or none of them.
type clickBatch struct {
	copy []byte // the header and the rows
	rows int
	// Texts that may not be stored yet, by textID.
	agents    map[int64]string
	referrers map[int64]string
	texts     int // their bytes

	stored chan struct{} // closed when err is known
	err    error
}

func newClickBatch(buffer []byte) *clickBatch {
	return &clickBatch{copy: append(buffer[:0], copyHeader...), stored: make(chan struct{})}
}

// size is the memory that a batch takes, in bytes.
func (b *clickBatch) size() int { return len(b.copy) + b.texts }

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
func (b *clickBatch) write(ctx context.Context, pool *pgxpool.Pool) error {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release() // the pool drops a connection with an open transaction
	if len(b.agents) == 0 && len(b.referrers) == 0 {
		return b.copyRows(ctx, conn.Conn()) // a transaction by itself
	}
	if err := b.beginWithTexts(ctx, conn.Conn()); err != nil {
		return err
	}
	if err := b.copyRows(ctx, conn.Conn()); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, `COMMIT`)
	return err
}

// beginWithTexts opens a transaction and inserts the texts, in one round trip.
func (b *clickBatch) beginWithTexts(ctx context.Context, conn *pgx.Conn) error {
	q := &pgx.Batch{}
	q.Queue(`BEGIN`)
	queueTexts(q, `
		INSERT INTO user_agents (id, value)
		SELECT * FROM unnest($1::bigint[], $2::text[])
		ON CONFLICT DO NOTHING`, b.agents)
	queueTexts(q, `
		INSERT INTO referrers (id, value)
		SELECT * FROM unnest($1::bigint[], $2::text[])
		ON CONFLICT DO NOTHING`, b.referrers)
	return conn.SendBatch(ctx, q).Close()
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
	b.copy = append(b.copy, copyTrailer...)
	_, err := conn.PgConn().CopyFrom(ctx, bytes.NewReader(b.copy), copyClicks)
	return err
}

// InsertClicks stores clicks that were made elsewhere, all or none. Their days'
// partitions should be there (MakePartitions). Only for Proofback itself.
func (s *Store) InsertClicks(ctx context.Context, actor proofback.Actor, clicks []proofback.Click) error {
	if actor.Role != proofback.RoleSystem {
		return proofback.Errorf(proofback.CodeForbidden, "clicks are made by visitors")
	}
	if len(clicks) == 0 {
		return nil
	}
	b := newClickBatch(nil)
	for i := range clicks {
		c := &clicks[i]
		agent, referrer := textID(c.UserAgent), textID(c.Referrer)
		var err error
		if b.copy, err = appendClick(b.copy, c, agent, referrer); err != nil {
			return err
		}
		if agent != 0 {
			b.addText(&b.agents, agent, c.UserAgent)
		}
		if referrer != 0 {
			b.addText(&b.referrers, referrer, c.Referrer)
		}
	}
	return domainError(b.write(ctx, s.pool))
}
