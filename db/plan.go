package db

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Plan is what is to be done about deliveries later.
type Plan struct {
	// Attempts are made when they are due, those that are due at the same time in
	// this order.
	Attempts []DueDelivery
	Releases []Release
}

// Release is a moment from which on what is parked for a destination may be sent.
type Release struct {
	DestinationID uuid.UUID
	At            time.Time
}

// plan enqueues, in the transaction that makes it necessary.
func (s *Store) plan(ctx context.Context, tx pgx.Tx, p Plan) error {
	if len(p.Attempts) == 0 && len(p.Releases) == 0 {
		return nil
	}
	if s.enqueuer == nil {
		return errNoEnqueuer
	}
	return s.enqueuer.EnqueuePlan(ctx, tx, p)
}

// errNoEnqueuer is a fault in the wiring: SetEnqueuer was not called.
var errNoEnqueuer = errors.New("db: there is a delivery to be sent, but nobody to enqueue it")
