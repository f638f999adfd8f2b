package db

import (
	"time"

	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// pageByTime cuts a page out of a list that is ordered by a column of time and,
// where that is equal, by id; both columns stand in one index, so that every
// page costs the same. Like pageByID it asks for one row more than the page holds.
func pageByTime(q *bun.SelectQuery, at, id bun.Ident, o listOrder, p proofback.Page) *bun.SelectQuery {
	newestFirst := o == newestFirst
	after, before := "(?, ?) > (?, ?)", "(?, ?) < (?, ?)"
	if newestFirst {
		after, before = before, after
	}
	if c := p.After; c != nil {
		q.Where(after, at, id, c.At, c.ID)
	}
	if c := p.Before; c != nil {
		q.Where(before, at, id, c.At, c.ID)
	}
	if newestFirst != p.Backward {
		q.OrderExpr("? DESC, ? DESC", at, id)
	} else {
		q.OrderExpr("? ASC, ? ASC", at, id)
	}
	return q.Limit(int64(p.Limit) + 1)
}

// listOrder is which end of a list comes first.
type listOrder int

const (
	newestFirst listOrder = iota
	oldestFirst
)

// ownRows keeps to the rows that are the actor's to see, of a table that says
// whose a row is in affiliate_id and advertiser_id. Row-level security says the
// same; saying it here as well lets the planner use the index that it needs.
func ownRows(q *bun.SelectQuery, a proofback.Actor, table string) *bun.SelectQuery {
	switch {
	case a.IsStaff():
		return q
	case a.Role == proofback.RoleAffiliate:
		return q.Where("?.affiliate_id = ?", bun.Ident(table), a.AffiliateID)
	case a.Role == proofback.RoleAdvertiser:
		return q.Where("?.advertiser_id = ?", bun.Ident(table), a.AdvertiserID)
	}
	return q.Where("FALSE")
}

// notAdvertisers is ownRows of a table about what is between the network and an
// affiliate: it has no advertiser_id, and advertisers see nothing of it.
func notAdvertisers(q *bun.SelectQuery, a proofback.Actor, table string) *bun.SelectQuery {
	if a.Role == proofback.RoleAdvertiser {
		return q.Where("FALSE")
	}
	return ownRows(q, a, table)
}

// within keeps to the rows of a range of a column of time.
func within(q *bun.SelectQuery, column bun.Ident, r proofback.TimeRange) {
	if !r.From.IsZero() {
		q.Where("? >= ?", column, r.From)
	}
	if !r.To.IsZero() {
		q.Where("? < ?", column, r.To)
	}
}

// madeWithin is within for a column that tells when the row was made, of a table
// whose keys are UUIDv7 of that moment: the range of keys finds partitions and
// places in an index, the column decides.
func madeWithin(q *bun.SelectQuery, id, column bun.Ident, r proofback.TimeRange) {
	if !r.From.IsZero() {
		q.Where("? >= ?", id, proofback.UUIDFloor(r.From.Add(-keySlack)))
	}
	if !r.To.IsZero() {
		q.Where("? < ?", id, proofback.UUIDFloor(r.To.Add(keySlack)))
	}
	within(q, column, r)
}

// keySlack is how far apart a row's key and its own time may be: they are taken
// from one clock, but not always in one moment.
const keySlack = time.Minute
