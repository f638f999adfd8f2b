package db

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math"
	"time"

	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// Try is an attempt at what has to be known: a password, a code.
type Try struct {
	// Account is whom it is tried for, as was typed; there need be no such account.
	Account string
	// Network is where it comes from (proofback.TryNetwork); "" where that is unknown.
	Network string
}

// tryRow is a row of sign_in_tries.
type tryRow struct {
	bun.BaseModel `bun:"table:sign_in_tries,alias:try"`

	Key          string    `bun:"key,pk"`
	Failed       int       `bun:"failed"`
	LastAt       time.Time `bun:"last_at"`
	BlockedUntil time.Time `bun:"blocked_until"`
}

// counters are the keys of what a try is counted for, with how many are free of each,
// always in the same order. Accounts are hashed: what was typed may be anything.
func (t Try) counters() []tryCounter {
	sum := sha256.Sum256([]byte(t.Account))
	list := []tryCounter{{"account " + base64.RawURLEncoding.EncodeToString(sum[:]), proofback.TriesOfAccount}}
	if t.Network != "" {
		list = append(list, tryCounter{"network " + t.Network, proofback.TriesOfAddress})
	}
	return list
}

type tryCounter struct {
	key  string
	free int
}

// BeginTry counts a try as failed before it is made, so that many at once are counted
// too; CodeRateLimited where there were too many of the account, or from the network.
func (s *Store) BeginTry(ctx context.Context, actor proofback.Actor, t Try) error {
	if actor.Role != proofback.RoleSystem {
		return errSystemOnly
	}
	actor.Operation = "" // what comes of it is told
	return s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		for _, c := range t.counters() {
			row := &tryRow{Key: c.key, LastAt: tx.now, BlockedUntil: tx.now}
			_, err := tx.NewInsert().
				Model(row).
				On("CONFLICT (key) DO UPDATE").
				Set("key = EXCLUDED.key"). // which locks it
				Returning("*").
				Exec(ctx)
			if err != nil {
				return err
			}
			if wait := row.BlockedUntil.Sub(s.clock()); wait > 0 {
				return tooMany(wait)
			}
			if tx.now.Sub(row.LastAt) > proofback.TriesForgotten {
				row.Failed = 0
			}
			row.Failed++
			row.LastAt, row.BlockedUntil = tx.now, tx.now.Add(proofback.TryWait(row.Failed, c.free))
			if _, err := tx.NewUpdate().Model(row).WherePK().Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

func tooMany(wait time.Duration) error {
	return proofback.Errorf(proofback.CodeRateLimited, "too many tries: wait %s", fmt.Sprintf("%.0f s", math.Ceil(wait.Seconds())))
}

// EndTry takes a try that succeeded back: what was tried for the account before is
// forgotten, but not what else came from the network, lest an account of one's own pays
// for guesses at others.
func (s *Store) EndTry(ctx context.Context, actor proofback.Actor, t Try) error {
	if actor.Role != proofback.RoleSystem {
		return errSystemOnly
	}
	actor.Operation = ""
	return s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		counters := t.counters()
		if _, err := tx.NewDelete().Model((*tryRow)(nil)).Where("key = ?", counters[0].key).Exec(ctx); err != nil || len(counters) == 1 {
			return err
		}
		_, err := tx.NewUpdate().
			Model((*tryRow)(nil)).
			Set("failed = greatest(failed - 1, 0)").
			Set("blocked_until = ?", tx.now).
			Where("key = ?", counters[1].key).
			Exec(ctx)
		return err
	})
}
