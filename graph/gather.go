package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"
)

// A list's resolver knows what its rows belong to before any of them is resolved. It
// tells the loaders at once, so that on a busy machine too, where the last row's turn
// comes later than loaders wait, all rows are asked for together.

// shownOfNodes are the fields that the connection being resolved shows of its nodes.
func shownOfNodes(ctx context.Context, kind string) map[string]bool {
	shown := map[string]bool{}
	op := graphql.GetOperationContext(ctx)
	for _, edges := range graphql.CollectFieldsCtx(ctx, nil) {
		if edges.Name != "edges" {
			continue
		}
		for _, node := range graphql.CollectFields(op, edges.Selections, nil) {
			if node.Name != "node" {
				continue
			}
			for _, f := range graphql.CollectFields(op, node.Selections, []string{kind, "Node"}) {
				shown[f.Name] = true
			}
		}
	}
	return shown
}

// gather announces the keys of a relation to its loader, if it is shown.
func gather[R, T any](ctx context.Context, shown bool, l *loader[T], rows []R, key func(R) uuid.UUID) {
	if !shown {
		return
	}
	keys := make([]uuid.UUID, 0, len(rows))
	for _, row := range rows {
		if id := key(row); id != uuid.Nil {
			keys = append(keys, id)
		}
	}
	l.LoadAllThunk(ctx, keys) // what comes of it is in the loader when a row asks
}
