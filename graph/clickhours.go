package graph

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/generated"
	"github.com/proofback/proofback/graph/model"
)

type clickHourFields Resolver

// ClickHour answers the fields of ClickHour.
func (r *Resolver) ClickHour() generated.ClickHourResolver { return (*clickHourFields)(r) }

func (q *query) ClickHours(ctx context.Context, first *int, after *string, last *int, before *string, filter *model.ClickHourFilter) (*model.ClickHourConnection, error) {
	p, err := page(first, after, last, before)
	if err != nil {
		return nil, err
	}
	in := orZero(filter)
	w, err := q.Store.ClickHours(ctx, ActorFrom(ctx), proofback.TimeRange{From: orZero(in.From), To: orZero(in.To)}, p)
	if err != nil {
		return nil, err
	}
	rows, info := edges(p, w,
		func(h *proofback.ClickHour) proofback.Cursor { return proofback.Cursor{At: h.Hour} },
		func(cursor string, h *proofback.ClickHour) *model.ClickHourEdge {
			return &model.ClickHourEdge{Cursor: cursor, Node: showClickHour(h)}
		})
	return &model.ClickHourConnection{Edges: rows, PageInfo: info}, nil
}

func (r *clickHourFields) Proof(ctx context.Context, h *model.ClickHour) (*model.LedgerProof, error) {
	proof, err := apart(ctx, func(ctx context.Context) (*proofback.Proof, error) {
		return r.Store.ClickHourProof(ctx, ActorFrom(ctx), h.CountIDs)
	})
	return showProof(proof, err)
}

// showClickHour is an hour of clicks as the API shows it.
func showClickHour(h *proofback.ClickHour) *model.ClickHour {
	m := &model.ClickHour{
		Hour: h.Hour, Accepted: int(h.Accepted), Stored: int(h.Stored), Spooled: int(h.Spooled), Refused: int(h.Refused),
		Complete: h.Complete, Closed: h.Closed,
		Counts:   show(h.Counts, showClickCount),
		CountIDs: make([]uuid.UUID, len(h.Counts)),
	}
	for i, c := range h.Counts {
		m.CountIDs[i] = c.ID
	}
	if h.There >= 0 {
		there := int(h.There)
		if m.There = &there; h.Closed {
			agrees := h.Agrees()
			m.Agrees = &agrees
		}
	}
	return m
}

func showClickCount(c *proofback.ClickCount) *model.ClickCount {
	m := &model.ClickCount{
		Accepted: int(c.Accepted), Stored: int(c.Stored), Spooled: int(c.Spooled), Refused: int(c.Refused),
		Complete: c.Complete, SaidAt: c.SaidAt.Truncate(time.Millisecond), ClosedAt: orNull(c.ClosedAt),
	}
	if c.Process != uuid.Nil {
		process := c.Process.String()
		m.Process = &process
	}
	return m
}
