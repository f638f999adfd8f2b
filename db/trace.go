package db

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// maxStory is the most postbacks, conversions or signals that a story holds: a
// sender gone wild must not make it endless. The oldest are told, since it is
// they that decided.
const maxStory = 1000

// Trace tells the story of one click, or of one event, as far as the actor may
// see it; nil when there is nothing to tell. A click's story holds everything
// that came of it. An event's story (a transaction id, a conversion or a request)
// holds its conversion, the requests about it, and the click; one transaction id
// may name several, of different goals or advertisers.
func (s *Store) Trace(ctx context.Context, actor proofback.Actor, by proofback.TraceBy) (*proofback.Story, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	var t tracing
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		t.tx = tx
		if err := t.begin(ctx, by); err != nil {
			return err
		}
		return t.complete(ctx)
	})
	if err != nil || t.IsEmpty() {
		return nil, err
	}
	return &t.Story, nil
}

// tracing is a story that is being put together, from one snapshot.
type tracing struct {
	proofback.Story
	tx *tx
	// click is the one that was asked for.
	click uuid.UUID
}

// condition narrows a query.
type condition = func(*bun.SelectQuery) *bun.SelectQuery

func where(sql string, args ...any) condition {
	return func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where(sql, args...) }
}

// begin finds the conversions and postbacks that the key leads to.
func (t *tracing) begin(ctx context.Context, by proofback.TraceBy) error {
	var conversions, postbacks condition
	switch {
	case by.RequestID != uuid.Nil:
		return t.beginWithRequest(ctx, by.RequestID)
	case by.ConversionID != uuid.Nil:
		if err := t.findConversions(ctx, where("conversion.id = ?", by.ConversionID)); err != nil || len(t.Conversions) == 0 {
			return err
		}
		return t.findPostbacks(ctx, t.aboutConversion)
	case by.ClickID != uuid.Nil:
		t.click = by.ClickID
		conversions = where("conversion.click_id = ?", by.ClickID)
		postbacks = where(postbackOfClick, by.ClickID)
	case by.TransactionID != "":
		conversions = func(q *bun.SelectQuery) *bun.SelectQuery { return withTxID(q, by.TransactionID) }
		postbacks = where(postbackWithTxID, by.TransactionID)
	default:
		return proofback.Invalid([]string{"by"}, "say what to trace: a click, a transaction id, a conversion or a request")
	}
	if err := t.findConversions(ctx, conversions); err != nil {
		return err
	}
	return t.findPostbacks(ctx, postbacks)
}

// beginWithRequest finds the event that a request was about, and the requests
// that were about it as well.
func (t *tracing) beginWithRequest(ctx context.Context, id uuid.UUID) error {
	err := t.findPostbacks(ctx, where("postback.id = ?", id))
	if err != nil || len(t.Postbacks) == 0 {
		return err
	}
	p := t.Postbacks[0]
	named := p.TxID != "" && p.AdvertiserID != uuid.Nil
	switch {
	case p.ConversionID != uuid.Nil:
		err = t.findConversions(ctx, where("conversion.id = ?", p.ConversionID))
	case named:
		err = t.findConversions(ctx, where("conversion.advertiser_id = ? AND conversion.txid = ?", p.AdvertiserID, p.TxID))
	}
	if err != nil {
		return err
	}
	return t.findPostbacks(ctx, func(q *bun.SelectQuery) *bun.SelectQuery {
		q.Where("postback.id IN (?, ?)", p.ID, p.ReplayOf)
		if p.ClickID != uuid.Nil {
			q.WhereOr(postbackOfClick+" AND postback.replay_of = ?1", p.ClickID, p.ID)
		}
		if named {
			q.WhereOr(postbackWithTxID+" AND postback.advertiser_id = ?1", p.TxID, p.AdvertiserID)
		}
		return t.aboutConversion(q)
	})
}

// aboutConversion finds the requests that made, met or moved the conversions
// found, and those that named their transaction ids and failed.
func (t *tracing) aboutConversion(q *bun.SelectQuery) *bun.SelectQuery {
	for _, c := range t.Conversions {
		q.WhereOr(postbackOfClick+" AND postback.conversion_id = ?1", c.ClickID, c.ID)
		if c.TxID != "" {
			q.WhereOr(postbackWithTxID+" AND postback.advertiser_id = ?1", c.TxID, c.AdvertiserID)
		}
	}
	return q
}

func (t *tracing) findConversions(ctx context.Context, where condition) error {
	var rows []conversionRow
	err := selectConversions(t.tx, &rows).
		WhereGroup(" AND ", where).
		OrderExpr("conversion.received_at, conversion.id").
		Limit(maxStory).
		Scan(ctx)
	t.Conversions = make([]*proofback.Conversion, len(rows))
	for i := range rows {
		t.Conversions[i] = rows[i].value(t.tx.actor)
	}
	return err
}

func (t *tracing) findPostbacks(ctx context.Context, where condition) error {
	var rows []postbackRow
	err := selectPostbacks(t.tx, &rows).
		WhereGroup(" AND ", where).
		OrderExpr("postback.id").
		Limit(maxStory).
		Scan(ctx)
	t.Postbacks = make([]*proofback.Postback, len(rows))
	for i := range rows {
		t.Postbacks[i] = rows[i].value(t.tx.actor)
	}
	return err
}

// complete adds everything that belongs to the conversions and postbacks found.
func (t *tracing) complete(ctx context.Context) (err error) {
	clicks := make([]uuid.UUID, 0, 1)
	if t.click != uuid.Nil {
		clicks = append(clicks, t.click)
	}
	for _, p := range t.Postbacks {
		clicks = append(clicks, p.ClickID)
	}
	conversions := make([]uuid.UUID, len(t.Conversions))
	for i, c := range t.Conversions {
		conversions[i] = c.ID
		clicks = append(clicks, c.ClickID)
	}
	if err := t.findClicks(ctx, distinct(clicks)); err != nil {
		return err
	}
	seen := make([]uuid.UUID, len(t.Clicks))
	for i, c := range t.Clicks {
		seen[i] = c.ID
	}
	if t.PixelSignals, err = pixelSignalsOf(ctx, t.tx, seen); err != nil {
		return err
	}
	if t.Transitions, err = transitionsOf(ctx, t.tx, conversions); err != nil {
		return err
	}
	if len(conversions) > 0 {
		if t.Adjustments, err = adjustmentsOf(ctx, t.tx, where("adjustment.conversion_id IN (?)", bun.List(conversions))); err != nil {
			return err
		}
	}
	if t.Deliveries, err = deliveriesOf(ctx, t.tx, conversions); err != nil {
		return err
	}
	deliveries := make([]uuid.UUID, len(t.Deliveries))
	for i, d := range t.Deliveries {
		deliveries[i] = d.ID
	}
	t.Attempts, err = attemptsOf(ctx, t.tx, deliveries)
	return err
}

func (t *tracing) findClicks(ctx context.Context, ids []uuid.UUID) error {
	if len(ids) == 0 {
		return nil
	}
	var rows []clickRow
	err := selectClicks(t.tx, &rows).
		Where("click.id IN (?)", bun.List(ids)).
		OrderExpr("click.id").
		Scan(ctx)
	t.Clicks = make([]*proofback.Click, len(rows))
	for i := range rows {
		t.Clicks[i] = rows[i].value(t.tx.actor)
	}
	return err
}

// distinct sorts ids and leaves out repetitions and the one that stands for none.
func distinct(ids []uuid.UUID) []uuid.UUID {
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	ids = slices.Compact(ids)
	if len(ids) > 0 && ids[0] == uuid.Nil {
		ids = ids[1:]
	}
	return ids
}
