package db

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// nonces are what signed requests may bring only once, by advertiser. Postgres
// keeps them for longer than a signature is accepted.
type nonces struct {
	known map[nonce]bool
	used  map[nonce]time.Time // by this batch
}

type nonce struct {
	advertiser uuid.UUID
	value      string
}

// queueNonces asks which of the batch's nonces were seen before.
func (b *decideBatch) queueNonces(q *pgx.Batch) {
	b.known.nonces = nonces{known: map[nonce]bool{}, used: map[nonce]time.Time{}}
	var advertisers []uuid.UUID
	var values []string
	for i := range b.items {
		if it := &b.items[i]; it.reading.Nonce != "" {
			advertisers, values = append(advertisers, it.sender), append(values, it.reading.Nonce)
		}
	}
	if len(values) == 0 {
		return
	}
	q.Queue(`
		SELECT advertiser_id, nonce
		FROM webhook_nonces
		WHERE (advertiser_id, nonce) IN (SELECT * FROM unnest($1::uuid[], $2::text[]))`,
		advertisers, values).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var n nonce
			if err := rows.Scan(&n.advertiser, &n.value); err != nil {
				return err
			}
			b.known.nonces.known[n] = true
		}
		return rows.Err()
	})
}

func (n *nonces) seen(it *decideItem) bool {
	return it.reading.Nonce != "" && n.known[nonce{it.sender, it.reading.Nonce}]
}

// use takes a request's nonce, unless it is a replay.
func (n *nonces) use(it *decideItem) {
	if it.reading.Nonce == "" || it.reading.Refusal != nil || n.seen(it) {
		return
	}
	k := nonce{it.sender, it.reading.Nonce}
	n.known[k], n.used[k] = true, it.in.ReceivedAt
}

// queue keeps the nonces that were used. Who loses a race for one is decided
// again, and then sees that it was used.
func (n *nonces) queue(q *pgx.Batch) {
	if len(n.used) == 0 {
		return
	}
	used := slices.SortedFunc(maps.Keys(n.used), func(a, b nonce) int {
		return cmp.Or(bytes.Compare(a.advertiser[:], b.advertiser[:]), cmp.Compare(a.value, b.value))
	})
	q.Queue(`
		INSERT INTO webhook_nonces (advertiser_id, nonce, at)
		SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[])`,
		column(used, func(k nonce) uuid.UUID { return k.advertiser }),
		column(used, func(k nonce) string { return k.value }),
		column(used, func(k nonce) time.Time { return n.used[k] }))
}

// DropNonces forgets nonces whose signatures are not accepted any more.
func (s *Store) DropNonces(ctx context.Context, actor proofback.Actor) error {
	if err := actor.RequireStaff(); err != nil {
		return err
	}
	_, err := s.pool.Exec(ctx, `DELETE FROM webhook_nonces WHERE at < $1`, s.clock().Add(-time.Hour))
	return domainError(err)
}

// Guard gives what an advertiser demands of its requests at a moment, nil for one
// that is not there.
func (n *Snapshot) Guard(advertiser uuid.UUID, now time.Time) *proofback.Guard {
	a, ok := n.advertisers[advertiser]
	if !ok {
		return nil
	}
	g := &proofback.Guard{Mode: a.Security, AllowedIPs: a.AllowedIPs}
	for _, s := range n.secrets[advertiser] {
		if s.until.IsZero() || now.Before(s.until) {
			g.Secrets = append(g.Secrets, s.value)
		}
	}
	return g
}

// secret is an advertiser's, in the clear, while it is in force.
type secret struct {
	value string
	until time.Time // zero: for ever
}
