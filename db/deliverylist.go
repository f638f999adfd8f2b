package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// deliveryRow is a row of deliveries as it is read.
type deliveryRow struct {
	bun.BaseModel `bun:"table:deliveries,alias:delivery"`

	ID            uuid.UUID                `bun:"id,pk"`
	ConversionID  uuid.UUID                `bun:"conversion_id"`
	TransitionID  uuid.UUID                `bun:"transition_id"`
	AffiliateID   uuid.UUID                `bun:"affiliate_id"`
	DestinationID uuid.UUID                `bun:"destination_id,pk"`
	Event         proofback.Status         `bun:"event"`
	Status        proofback.DeliveryStatus `bun:"status"`
	Attempts      int                      `bun:"attempts"`
	CreatedAt     time.Time                `bun:"created_at"`
	NextAttemptAt time.Time                `bun:"next_attempt_at"`

	URL string `bun:"url,scanonly"`
}

// selectDeliveries begins a query for the deliveries that the actor may see.
func selectDeliveries(tx *tx, rows *[]deliveryRow) *bun.SelectQuery {
	q := tx.NewSelect().
		Model(rows).
		ColumnExpr("?TableColumns").
		ColumnExpr(`COALESCE(
			(SELECT url FROM attempts WHERE delivery_id = delivery.id ORDER BY number DESC LIMIT 1),
			(SELECT url_template FROM destinations WHERE id = delivery.destination_id)) AS url`)
	return notAdvertisers(q, tx.actor, "delivery")
}

func (r *deliveryRow) value() *proofback.Delivery {
	return &proofback.Delivery{
		ID:            r.ID,
		ConversionID:  r.ConversionID,
		TransitionID:  r.TransitionID,
		AffiliateID:   r.AffiliateID,
		DestinationID: r.DestinationID,
		Event:         r.Event,
		Status:        r.Status,
		Attempts:      r.Attempts,
		CreatedAt:     r.CreatedAt.UTC(),
		NextAttemptAt: utc(r.NextAttemptAt),
		URL:           proofback.MaskURL(r.URL),
	}
}

// attemptRow is a row of attempts as it is read.
type attemptRow struct {
	bun.BaseModel `bun:"table:attempts,alias:attempt"`

	DeliveryID     uuid.UUID         `bun:"delivery_id,pk"`
	Number         int               `bun:"number,pk"`
	At             time.Time         `bun:"at"`
	URL            string            `bun:"url"`
	Outcome        proofback.Outcome `bun:"outcome"`
	ResponseStatus int               `bun:"response_status"`
	ResponseBody   string            `bun:"response_body"`
	Error          string            `bun:"error"`

	Method          string `bun:"method"`
	RequestHeaders  string `bun:"request_headers"`
	RequestBody     string `bun:"request_body"`
	ResponseHeaders string `bun:"response_headers"`

	Micros int64 `bun:"micros,scanonly"`
}

func (r *attemptRow) value() *proofback.Attempt {
	return &proofback.Attempt{
		DeliveryID:     r.DeliveryID,
		Number:         r.Number,
		At:             r.At.UTC(),
		URL:            r.URL,
		Outcome:        r.Outcome,
		ResponseStatus: r.ResponseStatus,
		ResponseBody:   r.ResponseBody,
		Duration:       time.Duration(r.Micros) * time.Microsecond,
		Error:          r.Error,
		Exchange: proofback.Exchange{
			Method:          r.Method,
			RequestHeaders:  r.RequestHeaders,
			RequestBody:     r.RequestBody,
			ResponseHeaders: r.ResponseHeaders,
		},
	}
}

// Deliveries lists what affiliates' endpoints were told, newest first: all to
// staff, its own to an affiliate, none to advertisers.
func (s *Store) Deliveries(ctx context.Context, actor proofback.Actor, f proofback.DeliveryFilter, p proofback.Page) (proofback.Window[*proofback.Delivery], error) {
	var w proofback.Window[*proofback.Delivery]
	if err := actor.RequireSignedIn(); err != nil {
		return w, err
	}
	if err := f.Validate(); err != nil {
		return w, err
	}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []deliveryRow
		q, err := s.pageOfDeliveries(ctx, tx, &rows, f, p)
		if err == nil {
			err = q.Scan(ctx)
		}
		w = window(p, rows, (*deliveryRow).value)
		return err
	})
	return w, err
}

// DeliveriesByID gives those of ids that the actor may see.
func (s *Store) DeliveriesByID(ctx context.Context, actor proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.Delivery, error) {
	return byID(ctx, s, actor, ids,
		func(tx *tx, rows *[]deliveryRow) *bun.SelectQuery {
			return selectDeliveries(tx, rows).
				Join("JOIN ("+deliveryKeys(`ARRAY[?]`)+") AS k ON k.destination_id = delivery.destination_id AND k.id = delivery.id", bun.List(ids))
		},
		func(r *deliveryRow) (uuid.UUID, *proofback.Delivery) { return r.ID, r.value() })
}

// DeliveriesByConversion gives what was told of conversions, oldest first.
func (s *Store) DeliveriesByConversion(ctx context.Context, actor proofback.Actor, conversions []uuid.UUID) (map[uuid.UUID][]*proofback.Delivery, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID][]*proofback.Delivery, len(conversions))
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		list, err := deliveriesOf(ctx, tx, conversions)
		for _, d := range list {
			found[d.ConversionID] = append(found[d.ConversionID], d)
		}
		return err
	})
	return found, err
}

// AttemptsByDelivery gives every attempt of deliveries, oldest first.
func (s *Store) AttemptsByDelivery(ctx context.Context, actor proofback.Actor, deliveries []uuid.UUID) (map[uuid.UUID][]*proofback.Attempt, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID][]*proofback.Attempt, len(deliveries))
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		list, err := attemptsOf(ctx, tx, deliveries)
		for _, a := range list {
			found[a.DeliveryID] = append(found[a.DeliveryID], a)
		}
		return err
	})
	return found, err
}

// deliveriesOf reads what was told of conversions, oldest first.
func deliveriesOf(ctx context.Context, tx *tx, conversions []uuid.UUID) ([]*proofback.Delivery, error) {
	if len(conversions) == 0 {
		return nil, nil
	}
	var rows []deliveryRow
	err := selectDeliveries(tx, &rows).
		Where("delivery.conversion_id IN (?)", bun.List(conversions)).
		OrderExpr("delivery.id").
		Scan(ctx)
	list := make([]*proofback.Delivery, len(rows))
	for i := range rows {
		list[i] = rows[i].value()
	}
	return list, err
}

// attemptsOf reads the attempts of deliveries, oldest first.
func attemptsOf(ctx context.Context, tx *tx, deliveries []uuid.UUID) ([]*proofback.Attempt, error) {
	if len(deliveries) == 0 {
		return nil, nil
	}
	var rows []attemptRow
	q := tx.NewSelect().
		Model(&rows).
		ColumnExpr("?TableColumns").
		ColumnExpr("?::bigint AS micros", micros("attempt.duration")).
		Where("attempt.delivery_id IN (?)", bun.List(deliveries)).
		OrderExpr("attempt.at, attempt.delivery_id, attempt.number")
	err := notAdvertisers(q, tx.actor, "attempt").Scan(ctx)
	list := make([]*proofback.Attempt, len(rows))
	for i := range rows {
		list[i] = rows[i].value()
	}
	return list, err
}

func deliveriesLike(q *bun.SelectQuery, f proofback.DeliveryFilter) *bun.SelectQuery {
	madeWithin(q, "delivery.id", "delivery.created_at", f.TimeRange)
	if f.AffiliateID != uuid.Nil {
		q.Where("delivery.affiliate_id = ?", f.AffiliateID)
	}
	if f.DestinationID != uuid.Nil {
		q.Where("delivery.destination_id = ?", f.DestinationID)
	}
	if len(f.Statuses) > 0 {
		q.Where("delivery.status IN (?)", bun.List(f.Statuses))
	}
	return q
}
