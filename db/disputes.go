package db

import (
	"cmp"
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// disputeRow is a row of disputes.
type disputeRow struct {
	bun.BaseModel `bun:"table:disputes,alias:dispute"`

	ID           uuid.UUID               `bun:"id,pk"`
	AffiliateID  uuid.UUID               `bun:"affiliate_id"`
	ClickID      uuid.UUID               `bun:"click_id,nullzero"`
	TxID         string                  `bun:"txid,nullzero"`
	ConversionID uuid.UUID               `bun:"conversion_id,nullzero"`
	RequestID    uuid.UUID               `bun:"request_id,nullzero"`
	Status       proofback.DisputeStatus `bun:"status"`
	Trace        []proofback.Moment      `bun:"trace,type:jsonb"`
	OpenedAt     time.Time               `bun:"opened_at"`
	DecidedAt    time.Time               `bun:"decided_at,nullzero"`
}

func (r *disputeRow) value() *proofback.Dispute {
	return &proofback.Dispute{
		ID: r.ID, AffiliateID: r.AffiliateID,
		By:     proofback.TraceBy{ClickID: r.ClickID, TransactionID: r.TxID, ConversionID: r.ConversionID, RequestID: r.RequestID},
		Status: r.Status, Trace: r.Trace, OpenedAt: r.OpenedAt.UTC(), DecidedAt: utc(r.DecidedAt),
	}
}

// disputeEntryRow is a row of dispute_entries.
type disputeEntryRow struct {
	bun.BaseModel `bun:"table:dispute_entries,alias:entry"`

	ID          uuid.UUID               `bun:"id,pk"`
	DisputeID   uuid.UUID               `bun:"dispute_id"`
	AffiliateID uuid.UUID               `bun:"affiliate_id"`
	At          time.Time               `bun:"at"`
	ByStaff     bool                    `bun:"by_staff"`
	ByUser      uuid.UUID               `bun:"by_user,nullzero"`
	Text        string                  `bun:"text"`
	EvidenceURL string                  `bun:"evidence_url,nullzero"`
	Decision    proofback.DisputeStatus `bun:"decision,nullzero"`

	ByEmail string `bun:"by_email,scanonly"`
}

func (r *disputeEntryRow) value(a proofback.Actor) *proofback.DisputeEntry {
	e := &proofback.DisputeEntry{
		At: r.At.UTC(), ByStaff: r.ByStaff, ByUser: r.ByUser, ByEmail: r.ByEmail, Text: r.Text, EvidenceURL: r.EvidenceURL, Decision: r.Decision,
	}
	e.MaskFor(a)
	return e
}

// Disputes lists disputes, newest first, without what was said: all to staff, its own to
// an affiliate, none to advertisers.
func (s *Store) Disputes(ctx context.Context, actor proofback.Actor, f proofback.DisputeFilter, p proofback.Page) (proofback.Window[*proofback.Dispute], error) {
	var w proofback.Window[*proofback.Dispute]
	if err := actor.RequireSignedIn(); err != nil {
		return w, err
	}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []disputeRow
		q := notAdvertisers(tx.NewSelect().Model(&rows), actor, "dispute")
		if f.AffiliateID != uuid.Nil {
			q.Where("dispute.affiliate_id = ?", f.AffiliateID)
		}
		if f.Status != "" {
			q.Where("dispute.status = ?", f.Status)
		}
		err := pageByID(q, "dispute.id", p).Scan(ctx)
		w = window(p, rows, (*disputeRow).value)
		return err
	})
	return w, err
}

// DisputesByID gives those of ids that the actor may see, without what was said.
func (s *Store) DisputesByID(ctx context.Context, actor proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.Dispute, error) {
	return byID(ctx, s, actor, ids,
		func(tx *tx, rows *[]disputeRow) *bun.SelectQuery {
			return notAdvertisers(tx.NewSelect().Model(rows), actor, "dispute")
		},
		func(r *disputeRow) (uuid.UUID, *proofback.Dispute) { return r.ID, r.value() })
}

// DisputeEntries gives what was said in disputes that the actor may see, oldest first.
func (s *Store) DisputeEntries(ctx context.Context, actor proofback.Actor, disputes []uuid.UUID) (map[uuid.UUID][]*proofback.DisputeEntry, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID][]*proofback.DisputeEntry, len(disputes))
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []disputeEntryRow
		q := tx.NewSelect().
			Model(&rows).
			ColumnExpr("?TableColumns").
			ColumnExpr("(SELECT email FROM users WHERE id = entry.by_user) AS by_email").
			Where("entry.dispute_id IN (?)", bun.List(disputes)).
			OrderExpr("entry.id")
		err := notAdvertisers(q, actor, "entry").Scan(ctx)
		for i := range rows {
			found[rows[i].DisputeID] = append(found[rows[i].DisputeID], rows[i].value(actor))
		}
		return err
	})
	return found, err
}

// maxOpenDisputes bounds how many an affiliate has open at a time.
const maxOpenDisputes = 500

// OpenDispute asks about a click, a transaction id, a conversion or a request, with the
// trace as the affiliate can see it now; staff do it for an affiliate that they name. Staff
// are told. A transaction id that nothing is known of can be asked about, too: that is
// what is missing.
func (s *Store) OpenDispute(ctx context.Context, actor proofback.Actor, affiliate uuid.UUID, by proofback.TraceBy, question proofback.DisputeEntry) (*proofback.Dispute, error) {
	if err := cmp.Or(actor.RequireSignedIn(), actor.RequireChange()); err != nil {
		return nil, err
	}
	switch {
	case actor.Role == proofback.RoleAffiliate && (affiliate == uuid.Nil || affiliate == actor.AffiliateID):
		affiliate = actor.AffiliateID
	case actor.Role == proofback.RoleAffiliate:
		return nil, proofback.NotFound("affiliate")
	case !actor.IsStaff():
		return nil, proofback.Errorf(proofback.CodeForbidden, "only affiliates and staff may do this")
	case affiliate == uuid.Nil:
		return nil, proofback.Invalid([]string{"affiliateId"}, "say whose it is")
	}
	question.Decision = ""
	if err := proofback.CheckDisputeEntry(&question); err != nil {
		return nil, err
	}
	if by == (proofback.TraceBy{}) {
		return nil, proofback.Invalid([]string{"by"}, "this is no click id of ours: look whether it was copied whole")
	}
	asker := proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: affiliate}
	story, err := s.Trace(ctx, asker, by)
	if err != nil {
		return nil, err
	}
	row := &disputeRow{
		ID: newID(), AffiliateID: affiliate, ClickID: by.ClickID, TxID: by.TransactionID, ConversionID: by.ConversionID, RequestID: by.RequestID,
		Status: proofback.DisputeOpen, Trace: []proofback.Moment{},
	}
	switch {
	case story != nil:
		row.Trace = story.Timeline()
	case by.TransactionID == "":
		return nil, proofback.NotFound("click, conversion or postback of the affiliate's")
	}
	err = s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		row.OpenedAt = tx.now
		n, err := tx.NewSelect().Model((*disputeRow)(nil)).Where("affiliate_id = ?", affiliate).Where("status = 'OPEN'").Count(ctx)
		if err == nil && n >= maxOpenDisputes {
			return proofback.Errorf(proofback.CodeConflict, "%d disputes are open: wait until some are answered", n)
		}
		if err != nil {
			return err
		}
		if _, err := tx.NewInsert().Model(row).Exec(ctx); err != nil {
			return err
		}
		tx.touched(proofback.KindDispute, row.ID)
		if err := tx.say(ctx, row, question); err != nil {
			return err
		}
		return tx.noticeOf(ctx, row, proofback.NoticeDisputeOpened, uuid.Nil, "An affiliate asks about "+subject(by)+".")
	})
	if err != nil {
		return nil, err
	}
	return row.value(), nil
}

// subject names what is asked about.
func subject(by proofback.TraceBy) string {
	switch {
	case by.TransactionID != "":
		return "a transaction id"
	case by.ConversionID != uuid.Nil:
		return "a conversion"
	case by.RequestID != uuid.Nil:
		return "a postback"
	}
	return "a click"
}

// AnswerDispute adds a word to a dispute that is open: of staff, who may decide it by that
// and say why, or of its affiliate. The other side is told.
func (s *Store) AnswerDispute(ctx context.Context, actor proofback.Actor, id uuid.UUID, answer proofback.DisputeEntry) (*proofback.Dispute, error) {
	if err := cmp.Or(actor.RequireSignedIn(), actor.RequireChange()); err != nil {
		return nil, err
	}
	if err := proofback.CheckDisputeEntry(&answer); err != nil {
		return nil, err
	}
	if answer.Decision != "" && !actor.IsStaff() {
		return nil, proofback.Errorf(proofback.CodeForbidden, "only staff of the network may decide")
	}
	row := &disputeRow{}
	err := s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		err := notAdvertisers(tx.NewSelect().Model(row), actor, "dispute").Where("dispute.id = ?", id).Scan(ctx)
		if err != nil {
			return missing(err, "dispute", "id")
		}
		// Whose it is was made sure of; who decides and who speaks take turns.
		err = tx.asOwner(ctx, func() error {
			return tx.NewSelect().Model(row).Where("dispute.id = ?", id).For("UPDATE").Scan(ctx)
		})
		if err != nil {
			return err
		}
		if row.Status != proofback.DisputeOpen {
			return proofback.Errorf(proofback.CodeConflict, "the dispute is decided: open another one if there is more to say")
		}
		if err := tx.say(ctx, row, answer); err != nil {
			return err
		}
		tx.touched(proofback.KindDispute, row.ID)
		if answer.Decision != "" {
			row.Status, row.DecidedAt = answer.Decision, tx.now
			if _, err := tx.NewUpdate().Model(row).Column("status", "decided_at").WherePK().Exec(ctx); err != nil {
				return err
			}
		}
		to, message := row.AffiliateID, "Your question about "+subject(row.value().By)+" was answered."
		if !actor.IsStaff() {
			to, message = uuid.Nil, "An affiliate has more to say about "+subject(row.value().By)+"."
		}
		return tx.noticeOf(ctx, row, proofback.NoticeDisputeAnswered, to, message)
	})
	if err != nil {
		return nil, err
	}
	return row.value(), nil
}

// say writes down a word.
func (t *tx) say(ctx context.Context, d *disputeRow, e proofback.DisputeEntry) error {
	_, err := t.NewInsert().Model(&disputeEntryRow{
		ID: newID(), DisputeID: d.ID, AffiliateID: d.AffiliateID, At: t.now, ByStaff: t.actor.IsStaff(), ByUser: t.actor.UserID,
		Text: e.Text, EvidenceURL: e.EvidenceURL, Decision: e.Decision,
	}).Exec(ctx)
	return err
}

// noticeOf tells an affiliate, or with uuid.Nil staff, of a dispute.
func (t *tx) noticeOf(ctx context.Context, d *disputeRow, kind proofback.NoticeKind, affiliate uuid.UUID, message string) error {
	return t.asOwner(ctx, func() error {
		_, err := t.NewInsert().Model(&noticeRow{ID: newID(), AffiliateID: affiliate, DisputeID: d.ID, Kind: kind, Message: message, At: t.now}).Exec(ctx)
		return err
	})
}
