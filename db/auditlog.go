package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/proofback/proofback"
)

// auditLogRow is a row of audit_log.
type auditLogRow struct {
	bun.BaseModel `bun:"table:audit_log,alias:entry"`

	ID           uuid.UUID               `bun:"id,pk"`
	At           time.Time               `bun:"at"`
	Operation    string                  `bun:"operation"`
	Role         proofback.Role          `bun:"role"`
	UserID       uuid.UUID               `bun:"user_id,nullzero"`
	APIKeyID     uuid.UUID               `bun:"api_key_id,nullzero"`
	AffiliateID  uuid.UUID               `bun:"affiliate_id,nullzero"`
	AdvertiserID uuid.UUID               `bun:"advertiser_id,nullzero"`
	RequestID    string                  `bun:"request_id"`
	Objects      []uuid.UUID             `bun:"objects,array"`
	Changes      []proofback.AuditChange `bun:"changes,type:jsonb"`
}

func (r *auditLogRow) value() *proofback.AuditEntry {
	return &proofback.AuditEntry{
		ID:           r.ID,
		At:           r.At.UTC(),
		Operation:    r.Operation,
		Role:         r.Role,
		UserID:       r.UserID,
		APIKeyID:     r.APIKeyID,
		AffiliateID:  r.AffiliateID,
		AdvertiserID: r.AdvertiserID,
		RequestID:    r.RequestID,
		Changes:      r.Changes,
	}
}

// AuditLog lists what was done, newest first. Only for an ADMIN.
func (s *Store) AuditLog(ctx context.Context, actor proofback.Actor, f proofback.AuditLogFilter, p proofback.Page) (proofback.Window[*proofback.AuditEntry], error) {
	var w proofback.Window[*proofback.AuditEntry]
	if err := actor.RequireAdmin(); err != nil {
		return w, err
	}
	if err := f.Validate(); err != nil {
		return w, err
	}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []auditLogRow
		q := tx.NewSelect().Model(&rows).ExcludeColumn("objects")
		if !f.From.IsZero() {
			q.Where("entry.id >= ?", proofback.UUIDFloor(f.From))
		}
		if !f.To.IsZero() {
			q.Where("entry.id < ?", proofback.UUIDFloor(f.To))
		}
		if len(f.Operations) > 0 {
			q.Where("entry.operation IN (?)", bun.List(f.Operations))
		}
		if f.UserID != uuid.Nil {
			q.Where("entry.user_id = ?", f.UserID)
		}
		if f.APIKeyID != uuid.Nil {
			q.Where("entry.api_key_id = ?", f.APIKeyID)
		}
		if f.ObjectID != uuid.Nil {
			q.Where("entry.objects @> ?", pgdialect.Array([]uuid.UUID{f.ObjectID}))
		}
		if f.RequestID != "" {
			q.Where("entry.request_id = ?", f.RequestID)
		}
		err := pageByID(q, "entry.id", p).Scan(ctx)
		w = window(p, rows, (*auditLogRow).value)
		return err
	})
	return w, err
}

// AuditEntriesByID gives those of ids that the actor may see: all to an ADMIN, none to
// anybody else.
func (s *Store) AuditEntriesByID(ctx context.Context, actor proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.AuditEntry, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]*proofback.AuditEntry, len(ids))
	if actor.Role != proofback.RoleAdmin && actor.Role != proofback.RoleSystem {
		return found, nil
	}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []auditLogRow
		err := tx.NewSelect().Model(&rows).ExcludeColumn("objects").Where("entry.id IN (?)", bun.List(ids)).Scan(ctx)
		for i := range rows {
			found[rows[i].ID] = rows[i].value()
		}
		return err
	})
	return found, err
}
