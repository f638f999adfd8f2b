package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// PinCurrency makes the Store's currency the database's, the first time, and
// refuses another one ever after: what is stored is normalised in it.
func (s *Store) PinCurrency(ctx context.Context, actor proofback.Actor) error {
	if actor.Role != proofback.RoleSystem {
		return errSystemOnly
	}
	pinned, err := s.setting(ctx, "currency", s.currency)
	if err != nil {
		return domainError(err)
	}
	if pinned != s.currency {
		return proofback.Errorf(proofback.CodeConflict, "this database keeps its amounts in %s, not in %s", pinned, s.currency)
	}
	return nil
}

// Network names what the database holds, the same for as long as it lives, so that
// what is kept beside it is never taken for another's.
func (s *Store) Network(ctx context.Context, actor proofback.Actor) (string, error) {
	if actor.Role != proofback.RoleSystem {
		return "", errSystemOnly
	}
	name, err := s.setting(ctx, "network", newID().String())
	return name, domainError(err)
}

// Once does a piece of work that a database needs once, however many processes
// start at the same time and however often they are killed on the way. do is
// given the moment at which the work was first begun, and is called again after
// an interruption: it must go on from what is there.
func (s *Store) Once(ctx context.Context, actor proofback.Actor, work string, do func(ctx context.Context, began time.Time) error) error {
	if actor.Role != proofback.RoleSystem {
		return errSystemOnly
	}
	const done = "done"
	return s.alone(ctx, work, func() error {
		state, err := s.setting(ctx, work, s.clock().Format(time.RFC3339Nano))
		if err != nil || state == done {
			return domainError(err)
		}
		began, err := time.Parse(time.RFC3339Nano, state)
		if err != nil {
			return proofback.Internal("read when "+work+" began", err)
		}
		if err := do(ctx, began); err != nil {
			return err
		}
		_, err = s.pool.Exec(ctx, `
			UPDATE settings
			SET value = $2
			WHERE name = $1`, work, done)
		return domainError(err)
	})
}

// setting gives a setting's value: the one given, if it had none.
func (s *Store) setting(ctx context.Context, name, first string) (value string, err error) {
	err = s.pool.QueryRow(ctx, `
		WITH made AS (
			INSERT INTO settings (name, value)
			VALUES ($1, $2)
			ON CONFLICT (name) DO NOTHING
			RETURNING value
		)
		SELECT value
		FROM made
		UNION ALL
		SELECT value
		FROM settings
		WHERE name = $1`, name, first).Scan(&value)
	if errors.Is(err, pgx.ErrNoRows) { // another process made it at this very moment
		err = s.pool.QueryRow(ctx, `SELECT value FROM settings WHERE name = $1`, name).Scan(&value)
	}
	if err != nil {
		return "", fmt.Errorf("setting %s: %w", name, err)
	}
	return value, nil
}

// alone calls do while no other process is in alone for the same work.
func (s *Store) alone(ctx context.Context, work string, do func() error) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return domainError(err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock(hashtext('proofback.once'), hashtext($1))`, work); err != nil {
		return domainError(err)
	}
	defer func() {
		_, _ = conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock(hashtext('proofback.once'), hashtext($1))`, work)
	}()
	return do()
}
