package db

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// Limits of one call of MoveConversions.
const (
	maxMoves  = 1000
	maxReason = 1000 // characters
)

// MoveConversions moves conversions to APPROVED or REJECTED on the word of
// staff. Each moves or is named in problems on its own: the problem's Field is
// ["ids", its position]. Those that move do so together, with their transitions,
// ledger entries and deliveries. Those whose month is closed are booked by
// adjustments (AdjustmentsByConversion).
func (s *Store) MoveConversions(ctx context.Context, actor proofback.Actor, ids []uuid.UUID, to proofback.Status, reason string) (moved []*proofback.Conversion, problems proofback.Problems, err error) {
	if err := actor.RequireStaff(); err != nil {
		return nil, nil, err
	}
	reason = strings.TrimSpace(reason)
	switch {
	case len(ids) == 0 || len(ids) > maxMoves:
		return nil, nil, proofback.Invalid([]string{"ids"}, "name from 1 to %d conversions", maxMoves)
	case to != proofback.StatusApproved && to != proofback.StatusRejected:
		return nil, nil, proofback.Invalid([]string{"status"}, "a conversion can be approved or rejected, nothing else")
	case utf8.RuneCountInString(reason) > maxReason:
		return nil, nil, proofback.Invalid([]string{"reason"}, "at most %d characters", maxReason)
	}
	return s.moveAll(ctx, actor, mover{store: s, ids: ids, to: to, reason: reason})
}

// moveAll carries a move through, again where it lost a race.
func (s *Store) moveAll(ctx context.Context, actor proofback.Actor, like mover) (moved []*proofback.Conversion, problems proofback.Problems, err error) {
	for attempt := 1; ; attempt++ {
		m := like
		err := s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
			m.tx = tx
			return m.move(ctx)
		})
		if err == nil || m.preview && errors.Is(err, errPreview) {
			if !m.preview && len(m.moved) > 0 {
				s.tellOfChanges()
			}
			return m.moved, m.problems, nil
		}
		if attempt == decideAttempts || !lostRace(err) {
			return nil, nil, err
		}
	}
}

// mover carries one call of MoveConversions through its transaction.
type mover struct {
	store    *Store
	tx       *tx
	ids      []uuid.UUID
	to       proofback.Status
	reason   string
	preview  bool // nothing is kept
	moved    []*proofback.Conversion
	problems proofback.Problems

	books proofback.Books
	caps  *capCounters
	zones map[uuid.UUID]*time.Location // by advertiser
}

func (m *mover) move(ctx context.Context) (err error) {
	if m.books, err = m.tx.holdBooks(ctx); err != nil {
		return err
	}
	if err := m.holdCaps(ctx); err != nil {
		return err
	}
	found, err := m.lock(ctx)
	if err != nil {
		return err
	}
	moving := m.judge(found)
	if len(moving) == 0 {
		return nil
	}
	transitions := m.transitions(moving)
	for _, c := range moving {
		m.tx.changed(proofback.KindConversion, c.ID, map[string]proofback.Status{"status": c.Status}, map[string]proofback.Status{"status": m.to})
	}
	if err := m.update(ctx, moving); err != nil {
		return err
	}
	if err := m.settle(ctx, moving, transitions); err != nil {
		return err
	}
	if err := m.explain(ctx, transitions); err != nil {
		return err
	}
	if m.preview {
		return errPreview
	}
	return m.tell(ctx, moving, transitions)
}

// movable is a conversion under lock.
type movable struct {
	conversionRow `bun:",extend"`

	// TakesClick is set where the goal counts once per click, Taken where another
	// conversion has taken the click for it.
	TakesClick bool `bun:"takes_click,scanonly"`
	Taken      bool `bun:"taken,scanonly"`
}

// lock reads the conversions and keeps everybody else from moving them. The
// order keeps two callers from waiting for each other.
func (m *mover) lock(ctx context.Context) (map[uuid.UUID]*movable, error) {
	var rows []movable
	err := m.tx.NewSelect().
		Model(&rows).
		ColumnExpr("?TableColumns").
		ColumnExpr("lower(conversion.claims) AS claims_from").
		ColumnExpr("upper(conversion.claims) AS claims_to").
		ColumnExpr(`EXISTS (
			SELECT FROM terms
			WHERE terms.id = conversion.terms_id
			  AND terms.body @> jsonb_build_object('goals', jsonb_build_array(
			    jsonb_build_object('id', conversion.goal_id, 'once_per_click', TRUE)))) AS takes_click`).
		ColumnExpr(`EXISTS (
			SELECT FROM conversions AS other
			WHERE other.advertiser_id = conversion.advertiser_id
			  AND other.click_id = conversion.click_id
			  AND other.goal_id = conversion.goal_id
			  AND other.id <> conversion.id
			  AND other.claims && tstzrange(conversion.event_at, NULL)) AS taken`).
		Where("conversion.id IN (?)", bun.List(m.ids)).
		OrderExpr("conversion.id").
		For("UPDATE OF conversion").
		Scan(ctx)
	if err != nil {
		return nil, err
	}
	if err := m.tx.nowAfter(ctx, m.store, m.ids); err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]*movable, len(rows))
	for i := range rows {
		found[rows[i].ID] = &rows[i]
	}
	return found, nil
}

// nowAfter reads the clock once conversions are locked, so that their moves and corrections
// have times in the order in which they happened: after all that there are by then, too, which
// another process with a clock that is ahead may have made. What a status was worth goes by it.
func (t *tx) nowAfter(ctx context.Context, s *Store, conversions []uuid.UUID) error {
	var last time.Time
	err := t.NewRaw(`
		SELECT coalesce(greatest(
			(SELECT max(at) FROM transitions WHERE conversion_id IN (?0)),
			(SELECT max(at) FROM adjustments WHERE conversion_id IN (?0))), 'epoch')`, bun.List(conversions)).Scan(ctx, &last)
	if t.now = s.clock(); !t.now.After(last) {
		t.now = last.UTC().Add(time.Microsecond)
	}
	return err
}

// judge sorts out which conversions may move, in the order in which they were
// named, and collects why others may not.
func (m *mover) judge(found map[uuid.UUID]*movable) []*movable {
	type event struct{ click, goal uuid.UUID }
	taken := map[event]bool{}
	named := make(map[uuid.UUID]bool, len(m.ids))
	var moving []*movable
	for i, id := range m.ids {
		if named[id] {
			continue
		}
		named[id] = true
		row, ok := found[id]
		if !ok {
			m.refuse(i, proofback.NotFound("conversion"))
			continue
		}
		// A rejected conversion that is to count takes its click, once.
		row.TakesClick = row.TakesClick && row.Status == proofback.StatusRejected
		if row.TakesClick {
			e := event{row.ClickID, row.GoalID}
			row.Taken, taken[e] = row.Taken || taken[e], true
		}
		if e := m.refusal(row); e != nil {
			m.refuse(i, e)
			continue
		}
		moving = append(moving, row)
	}
	return moving
}

// refusal says why a conversion cannot move, or nil.
func (m *mover) refusal(row *movable) *proofback.Error {
	switch {
	case row.Test:
		return proofback.Errorf(proofback.CodeConflict, "this is a test of an integration: it counts for nothing, and only its postbacks move it")
	case row.Status == m.to:
		return proofback.Errorf(proofback.CodeConflict, "the conversion is %s already", m.to.Word())
	case !proofback.CanMove(row.Status, m.to, proofback.MoverStaff):
		return proofback.Errorf(proofback.CodeConflict, "a conversion that is %s cannot become %s", row.Status.Word(), m.to.Word())
	case proofback.NeedsReason(row.Status, m.to) && m.reason == "":
		return proofback.Errorf(proofback.CodeInvalid, "say why: a conversion that is %s becomes %s with a reason only", row.Status.Word(), m.to.Word())
	case row.TakesClick && row.Taken:
		return proofback.Errorf(proofback.CodeConflict, "the goal %q counts once per click, and another conversion of this click has been counted", row.EventType)
	}
	return nil
}

func (m *mover) refuse(position int, e *proofback.Error) {
	e.Field = []string{"ids", strconv.Itoa(position)}
	m.problems = append(m.problems, e)
}
