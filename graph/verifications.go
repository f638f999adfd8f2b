package graph

import (
	"context"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/model"
)

func (q *query) Discrepancies(ctx context.Context, first *int, after *string, last *int, before *string, filter *model.DiscrepancyFilter) (*model.DiscrepancyConnection, error) {
	p, err := page(first, after, last, before)
	if err != nil {
		return nil, err
	}
	in := orZero(filter)
	f := proofback.DiscrepancyFilter{Check: orZero(in.Check), Open: in.Open}
	w, err := q.Store.Discrepancies(ctx, ActorFrom(ctx), f, p)
	if err != nil {
		return nil, err
	}
	rows, info := edges(p, w,
		func(d *proofback.Discrepancy) proofback.Cursor { return proofback.Cursor{ID: d.ID} },
		func(cursor string, d *proofback.Discrepancy) *model.DiscrepancyEdge {
			return &model.DiscrepancyEdge{Cursor: cursor, Node: showDiscrepancy(d)}
		})
	return &model.DiscrepancyConnection{Edges: rows, PageInfo: info}, nil
}

func (q *query) Verifications(ctx context.Context, first *int, after *string, last *int, before *string) (*model.VerificationConnection, error) {
	p, err := page(first, after, last, before)
	if err != nil {
		return nil, err
	}
	w, err := q.Store.Verifications(ctx, ActorFrom(ctx), p)
	if err != nil {
		return nil, err
	}
	rows, info := edges(p, w,
		func(v *proofback.Verification) proofback.Cursor { return proofback.Cursor{ID: v.ID} },
		func(cursor string, v *proofback.Verification) *model.VerificationEdge {
			return &model.VerificationEdge{Cursor: cursor, Node: showVerification(v)}
		})
	return &model.VerificationConnection{Edges: rows, PageInfo: info}, nil
}

// showVerification is a run of the checks as the API shows it.
func showVerification(v *proofback.Verification) *model.Verification {
	return &model.Verification{
		ID:         proofback.GlobalID(proofback.KindVerification, v.ID),
		BeganAt:    v.BeganAt,
		FinishedAt: orNull(v.FinishedAt),
		Checks: show(v.Checks, func(r proofback.SelfCheckResult) *model.SelfCheckResult {
			return &model.SelfCheckResult{
				Check:       r.Check,
				Compared:    int(r.Compared),
				Differences: int(r.Differences),
				DurationMs:  float64(r.Took.Microseconds()) / 1000,
			}
		}),
	}
}

// showDiscrepancy is a difference as the API shows it.
func showDiscrepancy(d *proofback.Discrepancy) *model.Discrepancy {
	m := &model.Discrepancy{
		ID:         proofback.GlobalID(proofback.KindDiscrepancy, d.ID),
		Check:      d.Check,
		Key:        d.Key,
		What:       d.What,
		Advice:     d.Check.Advice(),
		FoundAt:    d.FoundAt,
		SeenAt:     d.SeenAt,
		ResolvedAt: orNull(d.ResolvedAt),
	}
	if d.Kind != "" && d.Subject != uuid.Nil {
		about := proofback.GlobalID(d.Kind, d.Subject)
		m.AboutID = &about
	}
	return m
}
