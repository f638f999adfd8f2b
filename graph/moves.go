package graph

import (
	"context"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/graph/model"
)

func (m *mutation) ApproveConversions(ctx context.Context, in model.ApproveConversionsInput) (*model.ApproveConversionsPayload, error) {
	moved, notices, mistakes, err := m.move(ctx, in.Ids, proofback.StatusApproved, in.Reason)
	if err != nil {
		return nil, err
	}
	return &model.ApproveConversionsPayload{Conversions: moved, Notices: notices, UserErrors: mistakes}, nil
}

func (m *mutation) RejectConversions(ctx context.Context, in model.RejectConversionsInput) (*model.RejectConversionsPayload, error) {
	moved, notices, mistakes, err := m.move(ctx, in.Ids, proofback.StatusRejected, in.Reason)
	if err != nil {
		return nil, err
	}
	return &model.RejectConversionsPayload{Conversions: moved, Notices: notices, UserErrors: mistakes}, nil
}

func (m *mutation) move(ctx context.Context, ids []string, to proofback.Status, reason *string) ([]*model.Conversion, []*model.ConversionNotice, []*model.UserError, error) {
	named, err := nameIDs(proofback.KindConversion, ids)
	var moved []*proofback.Conversion
	notices := []*model.ConversionNotice{}
	if err == nil {
		var problems proofback.Problems
		moved, problems, err = m.Store.MoveConversions(ctx, ActorFrom(ctx), named.keys, to, orZero(reason))
		named.add(problems)
	}
	if err == nil {
		notices, err = m.settledNotices(ctx, moved)
	}
	mistakes, err := named.mistakes(err)
	return show(moved, showConversion), notices, mistakes, err
}

func (m *mutation) ReplayPostbacks(ctx context.Context, in model.ReplayPostbacksInput) (*model.ReplayPostbacksPayload, error) {
	named, replay, err := m.readReplay(in)
	replayed := &db.Replayed{}
	if err == nil {
		if replayed, err = m.Store.ReplayPostbacks(ctx, ActorFrom(ctx), m.Setup, m.ClickKeys, replay); err == nil && replay.Filter == nil {
			named.add(replayed.Problems)
		} else if err == nil {
			named.problems = replayed.Problems
		}
	}
	mistakes, err := named.mistakes(err)
	if err != nil {
		return nil, err
	}
	payload := &model.ReplayPostbacksPayload{UserErrors: mistakes, Postbacks: []*model.Postback{}}
	if replayed != nil {
		payload.Postbacks = show(replayed.Postbacks, showPostback)
		if replayed.Next != nil {
			next := replayed.Next.String()
			payload.Next = &next
		}
	}
	return payload, nil
}

// readReplay reads which requests are to be replayed: ids or a filter.
func (m *mutation) readReplay(in model.ReplayPostbacksInput) (*namedIDs, db.Replay, error) {
	replay := db.Replay{DryRun: in.DryRun}
	if in.Filter == nil {
		named, err := nameIDs(proofback.KindPostback, in.Ids)
		replay.IDs = named.keys
		return named, replay, err
	}
	named := &namedIDs{}
	if len(in.Ids) > 0 {
		return named, replay, proofback.Invalid([]string{"filter"}, "give ids or a filter, not both")
	}
	f, err := postbackFilter(m.ClickKeys, in.Filter)
	if err != nil {
		return named, replay, err
	}
	replay.Filter = &f
	replay.After, err = readCursor("after", in.After)
	return named, replay, err
}
