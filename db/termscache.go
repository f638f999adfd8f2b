package db

import (
	"context"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// termsCacheSize is how many versions of terms are kept in memory, at one or
// two kilobytes each: more than a network changes in the life of its clicks.
const termsCacheSize = 8192

// termsCache keeps terms by id. They never change, so nothing ever expires.
type termsCache struct {
	lru *lru.Cache[uuid.UUID, *proofback.Terms]
}

func newTermsCache() *termsCache {
	return &termsCache{newLRU[uuid.UUID, *proofback.Terms](termsCacheSize)}
}

// load gives the terms of ids: from n or memory, and the
// others by one query. Ids that no terms have are absent from what it gives.
func (c *termsCache) load(ctx context.Context, q bun.IDB, ids []uuid.UUID, n *Snapshot) (map[uuid.UUID]*proofback.Terms, error) {
	found := make(map[uuid.UUID]*proofback.Terms, len(ids))
	var missing []uuid.UUID
	for _, id := range ids {
		if t, ok := n.Terms(id); ok {
			found[id] = t
		} else if t, ok := c.lru.Get(id); ok {
			found[id] = t
		} else {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return found, nil
	}
	var rows []termsRow
	err := q.NewSelect().Model(&rows).ExcludeColumn("created_by").Where("id IN (?)", bun.List(missing)).Scan(ctx)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		t := rows[i].value()
		c.lru.Add(t.ID, t)
		found[t.ID] = t
	}
	return found, nil
}
