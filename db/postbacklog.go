package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// postbackRow is a row of postbacks as it is read.
type postbackRow struct {
	bun.BaseModel `bun:"table:postbacks,alias:postback"`

	ID             uuid.UUID        `bun:"id,pk"`
	ReceivedAt     time.Time        `bun:"received_at"`
	Method         string           `bun:"method"`
	URL            string           `bun:"url"`
	RemoteIP       string           `bun:"remote_ip"`
	Parameters     string           `bun:"parameters"` // as they are kept: Postback.ReadKept
	AdvertiserID   uuid.UUID        `bun:"advertiser_id"`
	OfferID        uuid.UUID        `bun:"offer_id"`
	AffiliateID    uuid.UUID        `bun:"affiliate_id"`
	ClickID        uuid.UUID        `bun:"click_id"`
	TxID           string           `bun:"txid"`
	EventType      string           `bun:"event_type"`
	Result         proofback.Result `bun:"result"`
	Reason         proofback.Reason `bun:"reason"`
	Message        string           `bun:"message"`
	Checks         string           `bun:"checks"`
	ResponseStatus int              `bun:"response_status"`
	ResponseBody   string           `bun:"response_body"`
	ConversionID   uuid.UUID        `bun:"conversion_id"`
	ReplayOf       uuid.UUID        `bun:"replay_of"`

	Micros int64 `bun:"micros,scanonly"`

	logged proofback.Postback
}

var _ bun.AfterScanRowHook = (*postbackRow)(nil)

// AfterScanRow reads what the row keeps.
func (r *postbackRow) AfterScanRow(context.Context) error {
	r.logged = proofback.Postback{
		ID:             r.ID,
		ReceivedAt:     r.ReceivedAt.UTC(),
		Method:         r.Method,
		URL:            r.URL,
		RemoteIP:       r.RemoteIP,
		AdvertiserID:   r.AdvertiserID,
		OfferID:        r.OfferID,
		AffiliateID:    r.AffiliateID,
		ClickID:        r.ClickID,
		TxID:           r.TxID,
		EventType:      r.EventType,
		Result:         r.Result,
		Reason:         r.Reason,
		Message:        r.Message,
		ResponseStatus: r.ResponseStatus,
		Duration:       time.Duration(r.Micros) * time.Microsecond,
		ConversionID:   r.ConversionID,
		ReplayOf:       r.ReplayOf,
	}
	return r.logged.ReadKept(r.Parameters, r.Checks, r.ResponseBody)
}

// selectPostbacks begins a query for the logged requests that the actor may see:
// to a partner those on its offers or clicks.
func selectPostbacks(tx *tx, rows *[]postbackRow) *bun.SelectQuery {
	q := tx.NewSelect().
		Model(rows).
		ColumnExpr("?TableColumns").
		ColumnExpr("?::bigint AS micros", micros("postback.duration"))
	return ownRows(q, tx.actor, "postback")
}

// micros asks for an interval as a number.
func micros(column string) bun.Safe {
	return bun.Safe("(extract(epoch FROM " + column + ") * 1000000)")
}

// value gives a row as the actor may see it.
func (r *postbackRow) value(a proofback.Actor) *proofback.Postback {
	p := r.logged
	p.MaskFor(a)
	return &p
}

// Postbacks lists the log of requests, newest first: all to staff, to a partner
// those about its own clicks or offers.
func (s *Store) Postbacks(ctx context.Context, actor proofback.Actor, f proofback.PostbackFilter, p proofback.Page) (proofback.Window[*proofback.Postback], error) {
	var w proofback.Window[*proofback.Postback]
	if err := actor.RequireSignedIn(); err != nil {
		return w, err
	}
	if err := f.Validate(); err != nil {
		return w, err
	}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []postbackRow
		q := postbacksLike(selectPostbacks(tx, &rows), f)
		err := pageByID(q, "postback.id", p).Scan(ctx)
		w = window(p, rows, func(r *postbackRow) *proofback.Postback { return r.value(actor) })
		return err
	})
	return w, err
}

// PostbacksByID gives those of ids that the actor may see.
func (s *Store) PostbacksByID(ctx context.Context, actor proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.Postback, error) {
	return byID(ctx, s, actor, ids,
		func(tx *tx, rows *[]postbackRow) *bun.SelectQuery { return selectPostbacks(tx, rows) },
		func(r *postbackRow) (uuid.UUID, *proofback.Postback) { return r.ID, r.value(actor) })
}

func postbacksLike(q *bun.SelectQuery, f proofback.PostbackFilter) *bun.SelectQuery {
	madeWithin(q, "postback.id", "postback.received_at", f.TimeRange)
	if f.AdvertiserID != uuid.Nil {
		q.Where("postback.advertiser_id = ?", f.AdvertiserID)
	}
	if len(f.Results) > 0 {
		q.Where("postback.result IN (?)", bun.List(f.Results))
	}
	if len(f.Reasons) > 0 {
		q.Where("postback.reason IN (?)", bun.List(f.Reasons))
	}
	if f.ClickID != uuid.Nil {
		q.Where(postbackOfClick, f.ClickID)
	}
	if f.TransactionID != "" {
		q.Where(postbackWithTxID, f.TransactionID)
	}
	return q
}

// Requests about a click, or with a transaction id. One that made a conversion is found
// by that, since nearly all do: it spares each of them two index entries.
const (
	postbackOfClick = `(postback.click_id = ?0 AND postback.result <> 'accepted'
		OR postback.id = ANY (ARRAY(SELECT postback_id FROM conversions WHERE click_id = ?0)))`
	postbackWithTxID = `(postback.txid = ?0 AND postback.result <> 'accepted'
		OR postback.id = ANY (ARRAY(
			SELECT postback_id
			FROM conversions
			WHERE txid = ?0
			AND advertiser_id IN (SELECT id FROM advertisers))))`
)
