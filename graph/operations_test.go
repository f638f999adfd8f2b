package graph_test

import (
	"os"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
)

// loadSchema reads schema.graphql as the server does.
func loadSchema(t testing.TB) *ast.Schema {
	t.Helper()
	text, err := os.ReadFile("../schema.graphql")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "schema.graphql", Input: string(text)})
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// loadOperations parses the operations that partner UIs send.
func loadOperations(t testing.TB) *ast.QueryDocument {
	t.Helper()
	text, err := os.ReadFile("testdata/operations.graphql")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := parser.ParseQuery(&ast.Source{Name: "operations.graphql", Input: string(text)})
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestEveryServedOperationValidatesAsItStands(t *testing.T) {
	t.Parallel()
	schema, doc := loadSchema(t), loadOperations(t)
	if len(doc.Operations) < 30 {
		t.Fatalf("only %d operations were found in the file", len(doc.Operations))
	}
	for _, op := range doc.Operations {
		t.Run(op.Name, func(t *testing.T) {
			t.Parallel()
			for _, err := range validator.ValidateWithRules(schema, only(t, op.Name), nil) {
				t.Error(err)
			}
		})
	}
}

// only gives a document of one operation and the fragments that it uses. Every
// call parses anew: validation writes into the tree.
func only(t testing.TB, name string) *ast.QueryDocument {
	t.Helper()
	all := loadOperations(t)
	op := all.Operations.ForName(name)
	one := &ast.QueryDocument{Operations: ast.OperationList{op}}
	var walk func(ast.SelectionSet)
	walk = func(set ast.SelectionSet) {
		for _, sel := range set {
			switch sel := sel.(type) {
			case *ast.Field:
				walk(sel.SelectionSet)
			case *ast.InlineFragment:
				walk(sel.SelectionSet)
			case *ast.FragmentSpread:
				if one.Fragments.ForName(sel.Name) == nil {
					f := all.Fragments.ForName(sel.Name)
					one.Fragments = append(one.Fragments, f)
					walk(f.SelectionSet)
				}
			}
		}
	}
	walk(op.SelectionSet)
	return one
}

func TestEveryTypeAndFieldIsDescribed(t *testing.T) {
	t.Parallel()
	for _, def := range loadSchema(t).Types {
		if def.BuiltIn {
			continue
		}
		if def.Description == "" {
			t.Errorf("%s has no description", def.Name)
		}
		for _, f := range def.Fields {
			if f.Description == "" && !strings.HasPrefix(f.Name, "__") {
				t.Errorf("%s.%s has no description", def.Name, f.Name)
			}
		}
	}
}
