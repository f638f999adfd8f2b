package db

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/proofback/proofback"
)

// VerifyConfig says what Verify compares, and whom it tells.
type VerifyConfig struct {
	Only []proofback.SelfCheck // empty: all
	// LedgerKeys and LedgerSeen are what the ledger is held against (VerifyLedger).
	LedgerKeys []string
	LedgerSeen *proofback.Checkpoint
	// Found is told of each difference, Done of each check that is through.
	Found func(proofback.Discrepancy) error
	Done  func(proofback.SelfCheckResult) error
}

// Verify holds the database against itself, each check in a snapshot of its own, and
// writes down what is different: what was known stays, what is gone is resolved. The
// database does the comparing, a set at a time, so that memory does not grow with it.
// A check that fails does not keep the others from being made. While another process
// is at it, it is a CONFLICT. Staff.
func (s *Store) Verify(ctx context.Context, actor proofback.Actor, c VerifyConfig) (*proofback.Verification, error) {
	if err := actor.RequireStaff(); err != nil {
		return nil, err
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, domainError(err)
	}
	defer conn.Release()
	turn, err := takeVerifyTurn(ctx, conn)
	if err != nil {
		return nil, domainError(err)
	}
	if !turn {
		return nil, proofback.Errorf(proofback.CodeConflict, "another process is verifying: wait until it is through")
	}
	defer giveVerifyTurn(ctx, conn)
	v := &verifying{
		Store: s, VerifyConfig: c, conn: conn,
		run: &proofback.Verification{ID: newID(), BeganAt: s.clock(), Checks: []proofback.SelfCheckResult{}},
	}
	err = v.all(ctx)
	return v.run, domainError(err)
}

// verifyTurn names the lock that whoever verifies holds, as long as the connection
// lives.
const verifyTurn = `hashtext('proofback.verify')`

func takeVerifyTurn(ctx context.Context, conn *pgxpool.Conn) (turn bool, err error) {
	err = conn.QueryRow(ctx, `SELECT pg_try_advisory_lock(`+verifyTurn+`)`).Scan(&turn)
	return turn, err
}

func giveVerifyTurn(ctx context.Context, conn *pgxpool.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_unlock(`+verifyTurn+`)`); err != nil {
		_ = conn.Conn().Close(ctx) // which gives it up, too
	}
}

// verifying is one run of Verify.
type verifying struct {
	*Store
	VerifyConfig
	conn *pgxpool.Conn
	run  *proofback.Verification

	check proofback.SelfCheck // that is being made
	found int64
	batch []proofback.Discrepancy
}

// verifiers make the checks, and tell how many things they looked at.
var verifiers = map[proofback.SelfCheck]func(*verifying, context.Context) (int64, error){
	proofback.CheckConversions: comparing(conversionComparisons...),
	proofback.CheckBooks:       comparing(bookComparisons...),
	proofback.CheckStatements:  comparing(statementComparisons...),
	proofback.CheckDeliveries:  comparing(deliveryComparisons...),
	proofback.CheckCaps:        (*verifying).caps,
	proofback.CheckOrphans:     (*verifying).orphans,
	proofback.CheckLedger:      (*verifying).ledger,
	proofback.CheckRollups:     (*verifying).rollups,
	proofback.CheckClicks:      (*verifying).clicks,
	proofback.CheckReports:     (*verifying).reports,
}

func (v *verifying) all(ctx context.Context) error {
	if err := v.write(ctx); err != nil {
		return err
	}
	var failed []error
	for _, check := range proofback.SelfChecks() {
		if len(v.Only) > 0 && !slices.Contains(v.Only, check) {
			continue
		}
		if err := v.one(ctx, check); err != nil {
			failed = append(failed, fmt.Errorf("verify %s: %w", strings.ToLower(string(check)), err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	if len(failed) > 0 {
		return errors.Join(failed...)
	}
	v.run.FinishedAt = v.clock()
	return v.write(ctx)
}

// one makes a check. What was different and is not any more is resolved when the check
// is through, and not before.
func (v *verifying) one(ctx context.Context, check proofback.SelfCheck) error {
	v.check, v.found, v.batch = check, 0, nil
	began := time.Now()
	compared, err := verifiers[check](v, ctx)
	if err == nil {
		err = v.flush(ctx)
	}
	if err != nil {
		return err
	}
	if _, err := v.pool.Exec(ctx, `
		UPDATE discrepancies
		SET resolved_at = $3
		WHERE check_name = $1
		  AND resolved_at IS NULL
		  AND seen_in <> $2`, check, v.run.ID, v.clock()); err != nil {
		return err
	}
	result := proofback.SelfCheckResult{Check: check, Compared: compared, Differences: v.found, Took: time.Since(began)}
	v.run.Checks = append(v.run.Checks, result)
	if err := v.write(ctx); err != nil || v.Done == nil {
		return err
	}
	return v.Done(result)
}

// write keeps how far the run is.
func (v *verifying) write(ctx context.Context) error {
	checks, err := json.Marshal(v.run.Checks)
	if err != nil {
		return err
	}
	_, err = v.pool.Exec(ctx, `
		INSERT INTO verifications (id, began_at, finished_at, checks)
		VALUES ($1, $2, $3, $4)
		ON CONFLICT (id) DO UPDATE SET finished_at = excluded.finished_at, checks = excluded.checks`,
		v.run.ID, v.run.BeganAt, timeOrNull(v.run.FinishedAt), string(checks))
	return err
}

const (
	// foundAtOnce is how many differences are written down together.
	foundAtOnce = 500
	// maxWhat bounds what is said of one, in characters.
	maxWhat = 2000
)

// differs takes a difference.
func (v *verifying) differs(ctx context.Context, d proofback.Discrepancy) error {
	if d.Key == "" {
		d.Key = strings.ToLower(string(d.Kind)) + " " + d.Subject.String()
	}
	d.Check, d.Key, d.What = v.check, cutText(d.Key), cutText(d.What)
	v.found++
	if v.batch = append(v.batch, d); len(v.batch) == foundAtOnce {
		if err := v.flush(ctx); err != nil {
			return err
		}
	}
	if v.Found == nil {
		return nil
	}
	return v.Found(d)
}

func cutText(s string) string {
	if r := []rune(s); len(r) > maxWhat {
		return string(r[:maxWhat])
	}
	return s
}

// flush writes down the differences that were taken. What is written down and still
// open was seen again.
func (v *verifying) flush(ctx context.Context) error {
	list := v.batch
	v.batch = nil
	if len(list) == 0 {
		return nil
	}
	type d = proofback.Discrepancy
	_, err := v.pool.Exec(ctx, `
		INSERT INTO discrepancies (id, check_name, kind, subject, key, what, found_in, found_at, seen_in, seen_at)
		SELECT DISTINCT ON (d.key, d.what) uuid_v7($2), $1, d.kind, d.subject, d.key, d.what, $3, $2, $3, $2
		FROM unnest($4::text[], $5::uuid[], $6::text[], $7::text[]) AS d (kind, subject, key, what)
		ON CONFLICT (check_name, md5(key), md5(what)) WHERE resolved_at IS NULL
		DO UPDATE SET seen_in = excluded.seen_in, seen_at = excluded.seen_at`,
		v.check, v.clock(), v.run.ID,
		column(list, func(d d) string { return string(d.Kind) }),
		column(list, func(d d) *uuid.UUID { return idOrNull(d.Subject) }),
		column(list, func(d d) string { return d.Key }),
		column(list, func(d d) string { return d.What }))
	return err
}

// snapshot reads in one snapshot, for as long as it takes.
func (v *verifying) snapshot(ctx context.Context, read func(pgx.Tx) error) error {
	return pgx.BeginTxFunc(ctx, v.conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL statement_timeout = 0; SET LOCAL jit = off; SET LOCAL work_mem = '64MB'`); err != nil {
			return err
		}
		return read(tx)
	})
}
