package fields

import (
	"sync"
	"unsafe"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// Plans remember what one operation asks for of each type, for as long as it runs. They
// are safe for use by all root fields at once.
type Plans struct {
	mu    sync.RWMutex
	known map[planKey]*plan
}

// planKey names a selection and the type that it is of by where they lie in memory,
// which neither leaves while the operation runs.
type planKey struct {
	selection    *ast.Selection
	length       int
	implementors *string
}

// plan is what is asked for of one type.
type plan struct {
	fields []graphql.CollectedField
	// keys are what stands before each field's value; nil for a field that is there
	// already: selections may be merged that gqlgen keeps apart.
	keys [][]byte
}

func (p *Plans) of(oc *graphql.OperationContext, sel ast.SelectionSet, implementors []string) *plan {
	key := planKey{unsafe.SliceData(sel), len(sel), unsafe.SliceData(implementors)}
	p.mu.RLock()
	known := p.known[key]
	p.mu.RUnlock()
	if known != nil {
		return known
	}
	made := newPlan(graphql.CollectFields(oc, sel, implementors))
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil {
		p.known = map[planKey]*plan{}
	}
	p.known[key] = made
	return made
}

func newPlan(collected []graphql.CollectedField) *plan {
	p := &plan{fields: collected, keys: make([][]byte, len(collected))}
	seen := make(map[string]bool, len(collected))
	for i, f := range collected {
		if seen[f.Alias] {
			continue
		}
		key := make([]byte, 0, len(f.Alias)+4)
		if len(seen) > 0 {
			key = append(key, ',')
		}
		seen[f.Alias] = true
		key = append(append(key, '"'), f.Alias...) // a name of GraphQL's needs no escaping
		p.keys[i] = append(key, '"', ':')
	}
	return p
}
