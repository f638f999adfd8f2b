package graph

import (
	"reflect"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/proofback/proofback/graph/generated"
)

// A list that costs as much as one of its rows lets a client ask for a hundred times what
// its budget and the bound on an operation are for; lists in lists, for ten thousand times.
func TestEveryListCostsItsRows(t *testing.T) {
	t.Parallel()
	const row = 1000
	schema := generated.NewExecutableSchema(generated.Config{Complexity: complexities()})
	looked := 0
	for _, typ := range schema.Schema().Types {
		if typ.Kind != ast.Object || typ.BuiltIn || strings.HasPrefix(typ.Name, "__") || strings.HasSuffix(typ.Name, "Connection") || countedAbove(typ) {
			continue
		}
		for _, f := range typ.Fields {
			var least int
			of := schema.Schema().Types[f.Type.Name()]
			switch {
			case strings.HasSuffix(of.Name, "Connection"):
				least = 100 * row
			case f.Type.NonNull && f.Type.Elem != nil && isNode(of):
				least = 3 * row
			default:
				continue
			}
			looked++
			cost, known := schema.Complexity(t.Context(), typ.Name, f.Name, row, arguments(f))
			if !known || cost < least {
				t.Errorf("%s.%s costs %d where a row costs %d, want %d at least", typ.Name, f.Name, cost, row, least)
			}
		}
	}
	if looked < 20 {
		t.Errorf("only %d lists were looked at", looked)
	}
}

// countedAbove is whether the field that gives a type counts the lists in it, because it
// knows from its arguments how long they get.
func countedAbove(d *ast.Definition) bool {
	switch d.Name {
	case "Trace", "Diagnostic", "IntegrationTest":
		return true
	}
	return strings.HasSuffix(d.Name, "Payload")
}

// Changes of many things answer with as many as they were given.
func TestChangesOfManyCostAsMany(t *testing.T) {
	t.Parallel()
	c := reflect.ValueOf(complexities()).FieldByName("Mutation")
	schema := generated.NewExecutableSchema(generated.Config{}).Schema()
	for _, f := range schema.Mutation.Fields {
		for _, of := range schema.Types[f.Type.Name()].Fields {
			if of.Type.Elem == nil || !isNode(schema.Types[of.Type.Name()]) {
				continue
			}
			if c.FieldByName(strings.ToUpper(f.Name[:1]) + f.Name[1:]).IsNil() {
				t.Errorf("%s answers with %s, and costs as much as for one", f.Name, of.Name)
			}
		}
	}
}

// isNode is whether rows of a type are things of their own, to be fetched and to be asked
// for more.
func isNode(d *ast.Definition) bool {
	for _, name := range d.Interfaces {
		if name == "Node" {
			return true
		}
	}
	return false
}

// arguments are those of a field that is asked for a hundred.
func arguments(f *ast.FieldDefinition) map[string]any {
	given := map[string]any{}
	if f.Arguments.ForName("first") != nil {
		given["first"] = int64(100)
	}
	return given
}
