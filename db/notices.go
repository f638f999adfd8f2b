package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// noticeRow is a row of notices.
type noticeRow struct {
	bun.BaseModel `bun:"table:notices,alias:notice"`

	ID            uuid.UUID            `bun:"id,pk"`
	AffiliateID   uuid.UUID            `bun:"affiliate_id,nullzero"`
	AdvertiserID  uuid.UUID            `bun:"advertiser_id,nullzero"`
	DestinationID uuid.UUID            `bun:"destination_id,nullzero"`
	SavedReportID uuid.UUID            `bun:"saved_report_id,nullzero"`
	DisputeID     uuid.UUID            `bun:"dispute_id,nullzero"`
	Kind          proofback.NoticeKind `bun:"kind"`
	Message       string               `bun:"message"`
	At            time.Time            `bun:"at"`
}

func (r *noticeRow) value() *proofback.Notice {
	return &proofback.Notice{
		ID:            r.ID,
		At:            r.At.UTC(),
		AffiliateID:   r.AffiliateID,
		AdvertiserID:  r.AdvertiserID,
		DestinationID: r.DestinationID,
		SavedReportID: r.SavedReportID,
		DisputeID:     r.DisputeID,
		Kind:          r.Kind,
		Message:       r.Message,
	}
}

// insertNotices tells affiliates what has just happened.
func insertNotices(ctx context.Context, tx pgx.Tx, list []proofback.Notice, now time.Time) error {
	if len(list) == 0 {
		return nil
	}
	type n = proofback.Notice
	_, err := tx.Exec(ctx, `
		INSERT INTO notices (id, affiliate_id, destination_id, kind, message, at)
		SELECT uuid_v7($5), n.affiliate_id, n.destination_id, n.kind, n.message, $5
		FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) AS n (affiliate_id, destination_id, kind, message)`,
		column(list, func(n n) uuid.UUID { return n.AffiliateID }),
		column(list, func(n n) uuid.UUID { return n.DestinationID }),
		column(list, func(n n) string { return string(n.Kind) }),
		column(list, func(n n) string { return n.Message }),
		now)
	return err
}

// Notices lists what partners and staff were told of, newest first: all to staff, its
// own to a partner. uuid.Nil stands for everybody.
func (s *Store) Notices(ctx context.Context, actor proofback.Actor, affiliate uuid.UUID, p proofback.Page) (proofback.Window[*proofback.Notice], error) {
	var w proofback.Window[*proofback.Notice]
	if err := actor.RequireSignedIn(); err != nil {
		return w, err
	}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []noticeRow
		q := ownRows(tx.NewSelect().Model(&rows), actor, "notice")
		if affiliate != uuid.Nil {
			q.Where("notice.affiliate_id = ?", affiliate)
		}
		err := pageByID(q, "notice.id", p).Scan(ctx)
		w = window(p, rows, (*noticeRow).value)
		return err
	})
	return w, err
}

// NoticesByID gives those of ids that the actor may see.
func (s *Store) NoticesByID(ctx context.Context, actor proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.Notice, error) {
	return byID(ctx, s, actor, ids,
		func(tx *tx, rows *[]noticeRow) *bun.SelectQuery {
			return ownRows(tx.NewSelect().Model(rows), actor, "notice")
		},
		func(r *noticeRow) (uuid.UUID, *proofback.Notice) { return r.ID, r.value() })
}
