package db

import (
	"context"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// byID gives things of an actor by their ids: find begins a query for those that it may
// see, and value makes of a row what it may see of it.
func byID[R, V any](ctx context.Context, s *Store, actor proofback.Actor, ids []uuid.UUID,
	find func(*tx, *[]R) *bun.SelectQuery, value func(*R) (uuid.UUID, *V),
) (map[uuid.UUID]*V, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]*V, len(ids))
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []R
		err := find(tx, &rows).Where("?TableAlias.id IN (?)", bun.List(ids)).Scan(ctx)
		for i := range rows {
			id, v := value(&rows[i])
			found[id] = v
		}
		return err
	})
	return found, err
}
