package db

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// correctAtOnce bounds the items of one call.
const correctAtOnce = 1000

// Correction says what is to be done about which items of a reconciliation.
type Correction struct {
	Reconciliation uuid.UUID
	Action         proofback.CorrectionAction
	Kinds          []proofback.DifferenceKind
	Numbers        []int64
	After          int64 // an item's number
	Reason         string
	DryRun         bool
}

// Corrected is what came of a Correction.
type Corrected struct {
	Count    int
	Adjusted []AdjustedItem // in their order
	Refused  []RefusedItem
	Next     int64 // 0 at the end
}

// RefusedItem is an item that was not corrected.
type RefusedItem struct {
	Number  int64
	Message string
}

// CorrectReconciliation approves or rejects conversions, adjusts what they are worth, or
// has lines decided that are missing here, on the word of staff: as moves, adjustments
// and postbacks like any other, with the reconciliation as their reason. Each is corrected or named on its own.
func (s *Store) CorrectReconciliation(ctx context.Context, actor proofback.Actor, setup *Setup, keys *proofback.ClickKeys, c Correction) (*Corrected, error) {
	if err := cmp.Or(actor.RequireStaff(), actor.RequireChange()); err != nil {
		return nil, err
	}
	c.Reason = strings.TrimSpace(c.Reason)
	switch {
	case c.Reason == "" || len(c.Reason) > maxReason/2:
		return nil, proofback.Invalid([]string{"reason"}, "say why, in at most %d bytes: it is kept with each correction", maxReason/2)
	case len(c.Kinds) == 0 && len(c.Numbers) == 0:
		return nil, proofback.Invalid([]string{"kinds"}, "say which items: by their kinds, or by their numbers")
	case len(c.Numbers) > correctAtOnce:
		return nil, proofback.Invalid([]string{"numbers"}, "name at most %d items", correctAtOnce)
	}
	items, rows, r, err := s.toCorrect(ctx, actor, &c)
	if err != nil {
		return nil, err
	}
	done := &Corrected{}
	if len(items) == correctAtOnce {
		done.Next = items[len(items)-1].N
	}
	if len(items) == 0 {
		return done, nil
	}
	reason := fmt.Sprintf("reconciliation %s: %s", proofback.GlobalID(proofback.KindReconciliation, c.Reconciliation), c.Reason)
	switch c.Action {
	case proofback.CorrectApprove:
		err = s.correctStatus(ctx, actor, items, proofback.StatusApproved, reason, c.DryRun, done)
	case proofback.CorrectReject:
		err = s.correctStatus(ctx, actor, items, proofback.StatusRejected, reason, c.DryRun, done)
	case proofback.CorrectImport:
		err = s.importLines(ctx, setup, keys, r, items, rows, reason, c.DryRun, done)
	case proofback.CorrectAdjust:
		err = s.adjustItems(ctx, actor, r, items, reason, c.DryRun, done)
	default:
		err = proofback.Invalid([]string{"action"}, "approve, reject, adjust or import")
	}
	if err == nil && !c.DryRun {
		err = s.noteDone(ctx, actor, proofback.KindReconciliation, c.Reconciliation)
	}
	return done, err
}

// toCorrect brings the items that c names, with the lines that they are about.
func (s *Store) toCorrect(ctx context.Context, actor proofback.Actor, c *Correction) (items []*proofback.ListItem, lines map[int64]*proofback.ListRow, r *proofback.Reconciliation, err error) {
	err = s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var row reconciliationRow
		if err := ownReconciliations(tx.NewSelect().Model(&row), actor).Where("reconciliation.id = ?", c.Reconciliation).Scan(ctx); err != nil {
			return missing(err, "reconciliation", "id")
		}
		if r = row.value(); r.Status != proofback.ReconciliationDone {
			return proofback.Errorf(proofback.CodeConflict, "the reconciliation is %s: wait until it is done", strings.ToLower(string(r.Status)))
		}
		var found []itemRow
		q := selectItems(tx, &found, c.Reconciliation).Where("item.n > ?", c.After)
		if len(c.Kinds) > 0 {
			q.Where("item.kind IN (?)", bun.List(c.Kinds))
		}
		if len(c.Numbers) > 0 {
			q.Where("item.n IN (?)", bun.List(c.Numbers))
		}
		if err := q.OrderExpr("item.n").Limit(correctAtOnce).Scan(ctx); err != nil {
			return err
		}
		for i := range found {
			items = append(items, found[i].value())
		}
		lines, err = listRows(ctx, tx, c.Reconciliation, items)
		return err
	})
	return items, lines, r, err
}

// listRows reads the lines of items.
func listRows(ctx context.Context, tx *tx, id uuid.UUID, items []*proofback.ListItem) (map[int64]*proofback.ListRow, error) {
	var numbers []int64
	for _, i := range items {
		if i.Line > 0 {
			numbers = append(numbers, i.Line)
		}
	}
	if len(numbers) == 0 {
		return nil, nil
	}
	var rows []struct {
		Line      int64
		TxID      string `bun:"txid"`
		ClickID   uuid.UUID
		EventType string
		Amount    proofback.Decimal
		Revenue   proofback.Decimal
		Currency  string
		Status    proofback.Status
		At        time.Time
	}
	err := tx.NewSelect().
		Table("reconciliation_rows").
		Column("line", "txid", "click_id", "event_type", "amount", "revenue", "currency", "status", "at").
		Where("reconciliation_id = ?", id).
		Where("line IN (?)", bun.List(numbers)).
		Scan(ctx, &rows)
	lines := make(map[int64]*proofback.ListRow, len(rows))
	for _, r := range rows {
		lines[r.Line] = &proofback.ListRow{
			Line: r.Line, TxID: r.TxID, ClickID: r.ClickID, EventType: r.EventType,
			Amount: r.Amount, Revenue: r.Revenue, Currency: r.Currency, Status: r.Status, At: utc(r.At),
		}
	}
	return lines, err
}

// correctStatus moves the conversions of items.
func (s *Store) correctStatus(ctx context.Context, actor proofback.Actor, items []*proofback.ListItem, to proofback.Status, reason string, dryRun bool, done *Corrected) error {
	var ids []uuid.UUID
	var numbers []int64
	for _, i := range items {
		if i.ConversionID == uuid.Nil || i.Kind == proofback.KindDuplicateThere {
			done.Refused = append(done.Refused, RefusedItem{i.N, "there is no conversion here that could be moved"})
			continue
		}
		ids, numbers = append(ids, i.ConversionID), append(numbers, i.N)
	}
	if len(ids) == 0 {
		return nil
	}
	moved, problems, err := s.moveAll(ctx, actor, mover{store: s, ids: ids, to: to, reason: reason, preview: dryRun})
	if err != nil {
		return err
	}
	done.Count = len(moved)
	for _, p := range problems {
		done.Refused = append(done.Refused, RefusedItem{numbers[position(p)], p.Message})
	}
	return nil
}

// position is the place in its list that a problem of a mover or corrector names.
func position(p *proofback.Error) (i int) {
	_, _ = fmt.Sscan(p.Field[len(p.Field)-1], &i) // written by their refuse
	return i
}

// importLines has lines decided as if the advertiser had sent them now.
func (s *Store) importLines(ctx context.Context, setup *Setup, keys *proofback.ClickKeys, r *proofback.Reconciliation, items []*proofback.ListItem,
	lines map[int64]*proofback.ListRow, reason string, dryRun bool, done *Corrected,
) error {
	advertiser, known := setup.Snapshot().Advertiser(r.AdvertiserID)
	if !known {
		return proofback.NotFound("advertiser")
	}
	// The line has been read by the advertiser's names and words already.
	plain := *advertiser
	plain.ParameterMapping, plain.StatusMapping = nil, nil
	var batch []*Incoming
	var numbers []int64
	for _, i := range items {
		line := lines[i.Line]
		switch {
		case i.Kind != proofback.KindMissingHere || line == nil:
			done.Refused = append(done.Refused, RefusedItem{i.N, "only what is missing here can be imported"})
			continue
		case line.ClickID == uuid.Nil:
			done.Refused = append(done.Refused, RefusedItem{i.N, "the line names no click of ours, so nobody can be credited: have the advertiser add the click id"})
			continue
		}
		query := line.PostbackQuery(keys, reason)
		batch = append(batch, &Incoming{
			ID:         newID(),
			ReceivedAt: s.clock(),
			Endpoint:   &plain,
			Method:     "POST",
			URL:        fmt.Sprintf("/reconciliations/%s?line=%d", proofback.GlobalID(proofback.KindReconciliation, r.ID), i.Line),
			Read: func(proofback.Sender) proofback.Reading {
				return proofback.ReadRequest(proofback.PostbackRequest{Method: "GET", RawQuery: query}, proofback.Credentials{},
					proofback.Sender{Advertiser: &plain}, keys)
			},
		})
		numbers = append(numbers, i.N)
	}
	if len(batch) == 0 {
		return nil
	}
	decide := s.Decide
	if dryRun {
		decide = s.preview
	}
	log, err := decide(ctx, setup, batch)
	if err != nil {
		return err
	}
	for i := range log {
		if log[i].Result == proofback.ResultAccepted || log[i].Result == proofback.ResultUpdated {
			done.Count++
		} else {
			done.Refused = append(done.Refused, RefusedItem{numbers[i], fmt.Sprintf("%s: %s", log[i].Reason, log[i].Message)})
		}
	}
	return nil
}
