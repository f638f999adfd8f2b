package transport

import (
	"context"
	"fmt"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// unopened answers what cannot be run: some of the errors that there are.
func (c *Config) unopened(ctx context.Context, op *graphql.OperationContext, errs gqlerror.List) *graphql.Response {
	if op.Doc != nil && op.Operation == nil && len(errs) == 1 {
		errs[0].Message = whichOperation(op)
	}
	return c.Exec.DispatchError(graphql.WithOperationContext(ctx, op), errs[:min(len(errs), maxErrors)])
}

// maxNamed is how many operations of a document are named to whoever named none of them.
const maxNamed = 5

// whichOperation says what the document has instead of the operation that was asked for.
func whichOperation(op *graphql.OperationContext) string {
	var names []string
	for _, o := range op.Doc.Operations {
		if o.Name != "" && len(names) < maxNamed {
			names = append(names, o.Name)
		}
	}
	has := strings.Join(names, ", ")
	switch n := len(op.Doc.Operations); {
	case op.OperationName == "":
		return fmt.Sprintf("the document has %d operations (%s): say in operationName which of them", n, has)
	case has == "":
		return fmt.Sprintf("the document has no operation %.60q: leave operationName out", op.OperationName)
	}
	return fmt.Sprintf("the document has no operation %.60q: it has %s", op.OperationName, has)
}
