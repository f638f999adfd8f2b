package graph

import (
	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/model"
)

// defaultPage is how many rows a list gives when it is not asked for a number.
const defaultPage = 20

// page reads a connection's arguments, as Relay's Cursor Connections has them.
func page(first *int, after *string, last *int, before *string) (proofback.Page, error) {
	p := proofback.Page{Limit: defaultPage}
	size, arg := first, "first"
	if last != nil {
		if first != nil {
			return p, proofback.Invalid([]string{"last"}, "give first or last, not both")
		}
		size, arg, p.Backward = last, "last", true
	}
	if size != nil {
		if *size < 1 || *size > proofback.MaxPage {
			return p, proofback.Invalid([]string{arg}, "%s must be from 1 to %d", arg, proofback.MaxPage)
		}
		p.Limit = *size
	}
	var err error
	if p.After, err = readCursor("after", after); err != nil {
		return p, err
	}
	p.Before, err = readCursor("before", before)
	return p, err
}

func readCursor(arg string, s *string) (*proofback.Cursor, error) {
	if s == nil {
		return nil, nil
	}
	c, ok := proofback.ParseCursor(*s)
	if !ok {
		return nil, proofback.Invalid([]string{arg}, "%s is not a cursor of ours", arg)
	}
	return &c, nil
}

// edges makes a connection's edges of the rows of a page, and tells where the
// page stands. place gives a row's key in the list's order.
func edges[T, E any](p proofback.Page, w proofback.Window[T], place func(T) proofback.Cursor, edge func(cursor string, row T) E) ([]E, *model.PageInfo) {
	out := make([]E, len(w.Items))
	info := &model.PageInfo{
		HasNextPage:     w.HasMore,
		HasPreviousPage: p.After != nil,
	}
	if p.Backward {
		info.HasNextPage, info.HasPreviousPage = p.Before != nil, w.HasMore
	}
	for i, row := range w.Items {
		cursor := place(row).String()
		out[i] = edge(cursor, row)
		if i == 0 {
			info.StartCursor = &cursor
		}
		info.EndCursor = &cursor
	}
	return out, info
}
