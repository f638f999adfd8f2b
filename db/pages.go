package db

import (
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// pageByID cuts a page out of a list that is ordered by id, newest first (ids
// are UUIDv7). It asks for one row more than the page holds, so that window can
// tell whether there are more.
func pageByID(q *bun.SelectQuery, id string, p proofback.Page) *bun.SelectQuery {
	if p.After != nil {
		q.Where("? < ?", bun.Ident(id), p.After.ID)
	}
	if p.Before != nil {
		q.Where("? > ?", bun.Ident(id), p.Before.ID)
	}
	if p.Backward {
		q.OrderExpr("? ASC", bun.Ident(id))
	} else {
		q.OrderExpr("? DESC", bun.Ident(id))
	}
	return q.Limit(int64(p.Limit) + 1)
}

// window makes a page of the rows that pageByID found.
func window[R, T any](p proofback.Page, rows []R, value func(*R) T) proofback.Window[T] {
	w := proofback.Window[T]{HasMore: len(rows) > p.Limit}
	if w.HasMore {
		rows = rows[:p.Limit]
	}
	w.Items = make([]T, len(rows))
	for i := range rows {
		w.Items[i] = value(&rows[i])
	}
	if p.Backward {
		slices.Reverse(w.Items)
	}
	return w
}

// contains makes a pattern for ILIKE that finds text anywhere, whatever signs
// are in it.
func contains(text string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
}
