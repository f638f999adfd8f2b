package graph

import (
	"context"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/model"
)

func (q *query) Periods(ctx context.Context, first *int, after *string, last *int, before *string) (*model.PeriodConnection, error) {
	p, err := page(first, after, last, before)
	if err != nil {
		return nil, err
	}
	w, err := q.Store.Periods(ctx, ActorFrom(ctx), p)
	if err != nil {
		return nil, err
	}
	open, err := q.Store.OpenFrom(ctx, ActorFrom(ctx))
	if err != nil {
		return nil, err
	}
	staff := ActorFrom(ctx).IsStaff()
	rows, info := edges(p, w,
		func(p *proofback.Period) proofback.Cursor { return proofback.Cursor{At: p.From, ID: p.ID} },
		func(cursor string, p *proofback.Period) *model.PeriodEdge {
			return &model.PeriodEdge{Cursor: cursor, Node: showPeriod(p, staff)}
		})
	return &model.PeriodConnection{Edges: rows, OpenFrom: orNull(open), PageInfo: info}, nil
}

func (m *mutation) ClosePeriod(ctx context.Context, in model.ClosePeriodInput) (*model.ClosePeriodPayload, error) {
	var p *proofback.Period
	month, ok := proofback.ParseMonth(in.Month)
	err := error(proofback.Invalid([]string{"month"}, "%.20q is not a month: send one such as 2026-01", in.Month))
	if ok {
		p, err = m.Store.ClosePeriod(ctx, ActorFrom(ctx), month)
	} else if forbidden := ActorFrom(ctx).RequireAdmin(); forbidden != nil {
		err = forbidden
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.ClosePeriodPayload{UserErrors: mistakes}, err
	}
	// What the payload shows of who closed it is looked up.
	found, err := m.Store.PeriodsByID(ctx, ActorFrom(ctx), []uuid.UUID{p.ID})
	if err != nil {
		return nil, err
	}
	return &model.ClosePeriodPayload{Period: showPeriod(found[p.ID], true), UserErrors: mistakes}, nil
}

// showPeriod is a closed month as the API shows it.
func showPeriod(p *proofback.Period, staff bool) *model.Period {
	by := proofback.ByUser
	if staff && p.ClosedByEmail == "" {
		by = proofback.BySystem
	}
	return &model.Period{
		ID:           proofback.GlobalID(proofback.KindPeriod, p.ID),
		Month:        p.Month(),
		From:         p.From,
		To:           p.To,
		ClosedAt:     p.ClosedAt,
		ClosedBy:     showActor(by, p.ClosedByEmail, staff),
		StatementsAt: orNull(p.StatementsAt),
	}
}
