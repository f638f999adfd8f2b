package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// discrepancyRow is a row of discrepancies.
type discrepancyRow struct {
	bun.BaseModel `bun:"table:discrepancies,alias:discrepancy"`

	ID         uuid.UUID           `bun:"id,pk"`
	Check      proofback.SelfCheck `bun:"check_name"`
	Kind       proofback.Kind      `bun:"kind"`
	Subject    uuid.UUID           `bun:"subject,nullzero"`
	Key        string              `bun:"key"`
	What       string              `bun:"what"`
	FoundAt    time.Time           `bun:"found_at"`
	SeenAt     time.Time           `bun:"seen_at"`
	ResolvedAt time.Time           `bun:"resolved_at,nullzero"`
}

func (r *discrepancyRow) value() *proofback.Discrepancy {
	return &proofback.Discrepancy{
		ID: r.ID, Check: r.Check, Kind: r.Kind, Subject: r.Subject, Key: r.Key, What: r.What,
		FoundAt: r.FoundAt.UTC(), SeenAt: r.SeenAt.UTC(), ResolvedAt: utc(r.ResolvedAt),
	}
}

// verificationRow is a row of verifications.
type verificationRow struct {
	bun.BaseModel `bun:"table:verifications,alias:verification"`

	ID         uuid.UUID                   `bun:"id,pk"`
	BeganAt    time.Time                   `bun:"began_at"`
	FinishedAt time.Time                   `bun:"finished_at,nullzero"`
	Checks     []proofback.SelfCheckResult `bun:"checks,type:jsonb"`
}

func (r *verificationRow) value() *proofback.Verification {
	return &proofback.Verification{ID: r.ID, BeganAt: r.BeganAt.UTC(), FinishedAt: utc(r.FinishedAt), Checks: r.Checks}
}

// Discrepancies lists the differences that were found, newest first. Staff.
func (s *Store) Discrepancies(ctx context.Context, actor proofback.Actor, f proofback.DiscrepancyFilter, p proofback.Page) (proofback.Window[*proofback.Discrepancy], error) {
	var w proofback.Window[*proofback.Discrepancy]
	if err := actor.RequireStaff(); err != nil {
		return w, err
	}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []discrepancyRow
		q := tx.NewSelect().Model(&rows)
		if f.Check != "" {
			q.Where("discrepancy.check_name = ?", f.Check)
		}
		if f.Open != nil {
			q.Where("(discrepancy.resolved_at IS NULL) = ?", *f.Open)
		}
		err := pageByID(q, "discrepancy.id", p).Scan(ctx)
		w = window(p, rows, (*discrepancyRow).value)
		return err
	})
	return w, err
}

// Verifications lists the runs of the checks, newest first. Staff.
func (s *Store) Verifications(ctx context.Context, actor proofback.Actor, p proofback.Page) (proofback.Window[*proofback.Verification], error) {
	var w proofback.Window[*proofback.Verification]
	if err := actor.RequireStaff(); err != nil {
		return w, err
	}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []verificationRow
		err := pageByID(tx.NewSelect().Model(&rows), "verification.id", p).Scan(ctx)
		w = window(p, rows, (*verificationRow).value)
		return err
	})
	return w, err
}

// DiscrepanciesByID gives those of ids; none to anybody but staff.
func (s *Store) DiscrepanciesByID(ctx context.Context, actor proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.Discrepancy, error) {
	return staffRowsByID(ctx, s, actor, ids, func(r *discrepancyRow) (uuid.UUID, *proofback.Discrepancy) { return r.ID, r.value() })
}

// VerificationsByID gives those of ids; none to anybody but staff.
func (s *Store) VerificationsByID(ctx context.Context, actor proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.Verification, error) {
	return staffRowsByID(ctx, s, actor, ids, func(r *verificationRow) (uuid.UUID, *proofback.Verification) { return r.ID, r.value() })
}

// staffRowsByID reads rows that only staff see.
func staffRowsByID[R, T any](ctx context.Context, s *Store, actor proofback.Actor, ids []uuid.UUID, value func(*R) (uuid.UUID, T)) (map[uuid.UUID]T, error) {
	if err := actor.RequireSignedIn(); err != nil || !actor.IsStaff() {
		return nil, err
	}
	found := make(map[uuid.UUID]T, len(ids))
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []R
		err := tx.NewSelect().Model(&rows).Where("id IN (?)", bun.List(ids)).Scan(ctx)
		for i := range rows {
			id, v := value(&rows[i])
			found[id] = v
		}
		return err
	})
	return found, err
}
