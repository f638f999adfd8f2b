package graph

import (
	"context"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/model"
)

func (m *mutation) ApproveConversions(ctx context.Context, in model.ApproveConversionsInput) (*model.ApproveConversionsPayload, error) {
	moved, mistakes, err := m.move(ctx, in.Ids, proofback.StatusApproved, in.Reason)
	if err != nil {
		return nil, err
	}
	return &model.ApproveConversionsPayload{Conversions: moved, UserErrors: mistakes}, nil
}

func (m *mutation) RejectConversions(ctx context.Context, in model.RejectConversionsInput) (*model.RejectConversionsPayload, error) {
	moved, mistakes, err := m.move(ctx, in.Ids, proofback.StatusRejected, in.Reason)
	if err != nil {
		return nil, err
	}
	return &model.RejectConversionsPayload{Conversions: moved, UserErrors: mistakes}, nil
}

func (m *mutation) move(ctx context.Context, ids []string, to proofback.Status, reason *string) ([]*model.Conversion, []*model.UserError, error) {
	named, err := nameIDs(proofback.KindConversion, ids)
	var moved []*proofback.Conversion
	if err == nil {
		var problems proofback.Problems
		moved, problems, err = m.Store.MoveConversions(ctx, ActorFrom(ctx), named.keys, to, orZero(reason))
		named.add(problems)
	}
	mistakes, err := named.mistakes(err)
	return show(moved, showConversion), mistakes, err
}

func (m *mutation) ReplayPostbacks(ctx context.Context, in model.ReplayPostbacksInput) (*model.ReplayPostbacksPayload, error) {
	named, err := nameIDs(proofback.KindPostback, in.Ids)
	var replays []*proofback.Postback
	if err == nil {
		var problems proofback.Problems
		replays, problems, err = m.Store.ReplayPostbacks(ctx, ActorFrom(ctx), m.Setup, m.ClickKeys, named.keys)
		named.add(problems)
	}
	mistakes, err := named.mistakes(err)
	if err != nil {
		return nil, err
	}
	return &model.ReplayPostbacksPayload{Postbacks: show(replays, showPostback), UserErrors: mistakes}, nil
}
