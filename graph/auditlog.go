package graph

import (
	"context"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/generated"
	"github.com/proofback/proofback/graph/model"
)

type auditEntry Resolver

// AuditEntry answers the fields of AuditEntry.
func (r *Resolver) AuditEntry() generated.AuditEntryResolver { return (*auditEntry)(r) }

func (q *query) AuditLog(ctx context.Context, first *int, after *string, last *int, before *string, filter *model.AuditLogFilter) (*model.AuditEntryConnection, error) {
	p, err := page(first, after, last, before)
	if err != nil {
		return nil, err
	}
	var ids idReader
	in := orZero(filter)
	f := proofback.AuditLogFilter{
		TimeRange:  proofback.TimeRange{From: orZero(in.From), To: orZero(in.To)},
		Operations: in.Operations,
		UserID:     ids.maybe(proofback.KindUser, in.UserID, "filter", "userId"),
		APIKeyID:   ids.maybe(proofback.KindAPIKey, in.APIKeyID, "filter", "apiKeyId"),
		RequestID:  orZero(in.RequestID),
	}
	if in.ObjectID != nil {
		if _, f.ObjectID, err = proofback.ParseGlobalID(*in.ObjectID); err != nil {
			ids.problems.Add([]string{"filter", "objectId"}, "%s", err.Error())
		}
	}
	if err := ids.err(); err != nil {
		return nil, err
	}
	w, err := q.Store.AuditLog(ctx, ActorFrom(ctx), f, p)
	if err != nil {
		return nil, err
	}
	rows, info := edges(p, w,
		func(e *proofback.AuditEntry) proofback.Cursor { return proofback.Cursor{ID: e.ID} },
		func(cursor string, e *proofback.AuditEntry) *model.AuditEntryEdge {
			return &model.AuditEntryEdge{Cursor: cursor, Node: showAuditEntry(e)}
		})
	return &model.AuditEntryConnection{Edges: rows, PageInfo: info}, nil
}

func (r *auditEntry) User(ctx context.Context, e *model.AuditEntry) (*model.User, error) {
	return userOrNull(ctx, e.UserID)
}

func (r *auditEntry) APIKey(ctx context.Context, e *model.AuditEntry) (*model.APIKey, error) {
	k, err := find(ctx, loadersFrom(ctx).apiKeys, e.APIKeyID)
	if err != nil || k == nil {
		return nil, err
	}
	return showAPIKey(k), nil
}

func (r *auditEntry) Affiliate(ctx context.Context, e *model.AuditEntry) (*model.Affiliate, error) {
	return affiliateOrNull(ctx, e.AffiliateID)
}

func (r *auditEntry) Advertiser(ctx context.Context, e *model.AuditEntry) (*model.Advertiser, error) {
	return advertiserOrNull(ctx, r.PublicURL, e.AdvertiserID)
}

// showAuditEntry is an entry as the API shows it.
func showAuditEntry(e *proofback.AuditEntry) *model.AuditEntry {
	return &model.AuditEntry{
		ID:        proofback.GlobalID(proofback.KindAuditEntry, e.ID),
		At:        e.At,
		Operation: e.Operation,
		Role:      shownRole(e.Role),
		RequestID: e.RequestID,
		Changes: show(e.Changes, func(c proofback.AuditChange) *model.AuditChange {
			out := &model.AuditChange{Type: string(c.Kind), Fields: show(c.Fields, showAuditField)}
			if c.ID != uuid.Nil {
				id := proofback.GlobalID(c.Kind, c.ID)
				out.ObjectID = &id
			}
			return out
		}),
		UserID:       e.UserID,
		APIKeyID:     e.APIKeyID,
		AffiliateID:  e.AffiliateID,
		AdvertiserID: e.AdvertiserID,
	}
}

func showAuditField(f proofback.AuditField) *model.AuditField {
	return &model.AuditField{Name: f.Name, Before: orNull(f.Before), After: orNull(f.After)}
}

// shownRole is null where nobody was signed in, and Proofback itself did it.
func shownRole(r proofback.Role) *proofback.Role {
	if r == proofback.RoleSystem {
		return nil
	}
	return orNull(r)
}
