package graph

import (
	"context"
	"strconv"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/generated"
	"github.com/proofback/proofback/graph/model"
)

type (
	statementFields     Resolver
	statementLineFields Resolver
)

// Statement answers the fields of Statement.
func (r *Resolver) Statement() generated.StatementResolver { return (*statementFields)(r) }

// StatementLine answers the fields of StatementLine.
func (r *Resolver) StatementLine() generated.StatementLineResolver { return (*statementLineFields)(r) }

func (q *query) Statements(ctx context.Context, first *int, after *string, last *int, before *string, filter *model.StatementFilter) (*model.StatementConnection, error) {
	p, err := page(first, after, last, before)
	if err != nil {
		return nil, err
	}
	var ids idReader
	in := orZero(filter)
	f := proofback.StatementFilter{
		AffiliateID: ids.maybe(proofback.KindAffiliate, in.AffiliateID, "filter", "affiliateId"),
		PeriodID:    ids.maybe(proofback.KindPeriod, in.PeriodID, "filter", "periodId"),
	}
	if err := ids.err(); err != nil {
		return nil, err
	}
	w, err := q.Store.Statements(ctx, ActorFrom(ctx), f, p)
	if err != nil {
		return nil, err
	}
	rows, info := edges(p, w,
		func(s *proofback.Statement) proofback.Cursor { return proofback.Cursor{ID: s.ID} },
		func(cursor string, s *proofback.Statement) *model.StatementEdge {
			return &model.StatementEdge{Cursor: cursor, Node: showStatement(s)}
		})
	return &model.StatementConnection{Edges: rows, PageInfo: info}, nil
}

func (q *query) Statement(ctx context.Context, id string) (*model.Statement, error) {
	var ids idReader
	key := ids.one(proofback.KindStatement, id, "id")
	if err := ids.err(); err != nil {
		return nil, err
	}
	s, err := find(ctx, loadersFrom(ctx).statements, key)
	if err != nil || s == nil {
		return nil, err
	}
	return showStatement(s), nil
}

func (q *query) DefaultMinimumPayout(ctx context.Context) (*proofback.Money, error) {
	m, err := q.Store.DefaultMinimumPayout(ctx, ActorFrom(ctx))
	return orNull(m), err
}

func (m *mutation) SetMinimumPayout(ctx context.Context, in model.SetMinimumPayoutInput) (*model.SetMinimumPayoutPayload, error) {
	var ids idReader
	affiliate := ids.maybe(proofback.KindAffiliate, in.AffiliateID, "affiliateId")
	err := ids.err()
	if err == nil {
		err = m.Store.SetMinimumPayout(ctx, ActorFrom(ctx), affiliate, orZero(in.Amount))
	}
	mistakes, err := userErrors(err)
	payload := &model.SetMinimumPayoutPayload{UserErrors: mistakes}
	if err != nil || len(mistakes) > 0 {
		return payload, err
	}
	if in.AffiliateID != nil {
		a, err := load(ctx, loadersFrom(ctx).affiliates, "affiliate", affiliate)
		if err != nil {
			return nil, err
		}
		payload.Affiliate = showAffiliate(a)
	}
	least, err := m.Store.DefaultMinimumPayout(ctx, ActorFrom(ctx))
	payload.DefaultMinimumPayout = orNull(least)
	return payload, err
}

func (r *statementFields) Affiliate(ctx context.Context, s *model.Statement) (*model.Affiliate, error) {
	return affiliate(ctx, s.AffiliateID)
}

func (r *statementFields) Period(ctx context.Context, s *model.Statement) (*model.Period, error) {
	p, err := load(ctx, loadersFrom(ctx).periods, "period", s.PeriodID)
	if err != nil {
		return nil, err
	}
	return showPeriod(p, ActorFrom(ctx).IsStaff()), nil
}

func (r *statementFields) CSVURL(_ context.Context, s *model.Statement) (string, error) {
	return r.PublicURL + "/export/statement.csv?id=" + s.ID, nil
}

func (r *statementFields) HTMLURL(_ context.Context, s *model.Statement) (string, error) {
	return r.PublicURL + "/export/statement.html?id=" + s.ID, nil
}

func (r *statementFields) ProofURL(_ context.Context, s *model.Statement) (string, error) {
	return r.PublicURL + "/export/statement-proof.json?id=" + s.ID, nil
}

func (r *statementFields) Proof(ctx context.Context, s *model.Statement) (*model.LedgerProof, error) {
	proof, err := r.Store.StatementProof(ctx, ActorFrom(ctx), s.StatementID)
	return showProof(proof, err)
}

func (r *statementFields) Lines(ctx context.Context, s *model.Statement, first *int, after *string) (*model.StatementLineConnection, error) {
	p, err := page(first, nil, nil, nil)
	if err != nil {
		return nil, err
	}
	behind := 0
	if after != nil {
		if behind, err = strconv.Atoi(*after); err != nil || behind < 1 {
			return nil, proofback.Invalid([]string{"after"}, "after is not a cursor of ours")
		}
	}
	list, err := apart(ctx, func(ctx context.Context) ([]*proofback.StatementLine, error) {
		return r.Store.StatementLines(ctx, ActorFrom(ctx), s.StatementID, behind, p.Limit+1)
	})
	if err != nil {
		return nil, err
	}
	out := &model.StatementLineConnection{Edges: []*model.StatementLineEdge{}, PageInfo: &model.PageInfo{HasPreviousPage: after != nil, HasNextPage: len(list) > p.Limit}}
	for i, l := range list[:min(len(list), p.Limit)] {
		cursor := strconv.Itoa(l.Number)
		out.Edges = append(out.Edges, &model.StatementLineEdge{Cursor: cursor, Node: &model.StatementLine{
			Number:       l.Number,
			Kind:         l.Kind,
			At:           l.At,
			Sent:         &l.Sent,
			Amount:       l.Amount,
			ConversionID: l.ConversionID,
			AdjustmentID: l.AdjustmentID,
		}})
		if i == 0 {
			out.PageInfo.StartCursor = &cursor
		}
		out.PageInfo.EndCursor = &cursor
	}
	return out, nil
}

func (r *statementLineFields) Conversion(ctx context.Context, l *model.StatementLine) (*model.Conversion, error) {
	return conversionOf(ctx, l.ConversionID)
}

func (r *statementLineFields) Adjustment(ctx context.Context, l *model.StatementLine) (*model.Adjustment, error) {
	a, err := find(ctx, loadersFrom(ctx).adjustments, l.AdjustmentID)
	if err != nil || a == nil {
		return nil, err
	}
	return showAdjustment(a, ActorFrom(ctx).IsStaff()), nil
}

// showStatement is a statement as the API shows it.
func showStatement(s *proofback.Statement) *model.Statement {
	return &model.Statement{
		ID:          proofback.GlobalID(proofback.KindStatement, s.ID),
		Month:       s.Month(),
		Currency:    s.Currency,
		Opening:     s.Opening,
		Earned:      s.Earned,
		Adjusted:    s.Adjusted,
		Payable:     s.Payable,
		Carried:     s.Carried,
		Minimum:     s.Minimum,
		LineCount:   s.Lines,
		Digest:      s.Digest,
		MadeAt:      s.MadeAt,
		StatementID: s.ID,
		AffiliateID: s.AffiliateID,
		PeriodID:    s.PeriodID,
	}
}
