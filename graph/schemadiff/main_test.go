package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// A client of the last release works with what is here. Whoever has to break that makes
// a new version: he moves the schema to docs/schema under its number.
func TestNothingIsBrokenSinceTheLastRelease(t *testing.T) {
	t.Parallel()
	version, c, err := sinceRelease("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range c.broken {
		t.Errorf("since %s: %s", version, line)
	}
}

func TestWhatBreaksClientsIsFound(t *testing.T) {
	t.Parallel()
	parse := func(text string) *ast.Schema {
		t.Helper()
		s, err := gqlparser.LoadSchema(&ast.Source{Input: text})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	const base = `
		type Query implements Node { id: ID! a(x: Int, y: Int! = 1): String! b: [Int!]! c: Int u: U e(i: I): E }
		interface Node { id: ID! }
		type P { p: Int } type Q { q: Int }
		union U = P | Q
		enum E { ONE TWO }
		input I { a: Int b: Int! c: Int = 1 d: [Int] }`
	for name, tt := range map[string]struct {
		now           string
		broken, added []string
	}{
		"nothing":            {base, nil, nil},
		"much is more":       {base + ` type New { a: Int } extend enum E { THREE } extend type P { more: Int } extend input I { more: Int }`, nil, []string{"`New`", "`E.THREE`", "`I.more`", "`P.more`"}},
		"a needed input":     {base + ` extend input I { more: Int! }`, []string{"`I.more` is needed now"}, nil},
		"a field is gone":    {with(base, "c: Int u", "u"), []string{"`Query.c` is gone"}, nil},
		"a field is null":    {with(base, "): String!", "): String"), []string{"`Query.a` was `String!` and is `String`"}, nil},
		"a field never is":   {with(base, "c: Int u", "c: Int! u"), nil, nil},
		"a list of nulls":    {with(base, "[Int!]!", "[Int]!"), []string{"`Query.b` was `[Int!]!` and is `[Int]!`"}, nil},
		"an argument":        {with(base, "a(x: Int, ", "a("), []string{"`Query.a(x:)` is gone"}, nil},
		"one that is needed": {with(base, "x: Int,", "x: Int!,"), []string{"`Query.a(x:)` was `Int` and is `Int!`"}, nil},
		"a new one":          {with(base, "x: Int,", "x: Int, z: Int,"), nil, []string{"`Query.a(z:)`"}},
		"a new one, needed":  {with(base, "x: Int,", "x: Int, z: Int!,"), []string{"`Query.a(z:)` is needed now"}, nil},
		"another default":    {with(base, "y: Int! = 1", "y: Int! = 2"), []string{"`Query.a(y:)` is `2` where it is left out, and was `1`"}, nil},
		"a value is gone":    {with(base, "ONE TWO", "ONE"), []string{"`E.TWO` is gone"}, nil},
		"a member is gone":   {with(base, "P | Q", "P"), []string{"`U` has lost a member: `Q`"}, nil},
		"an interface":       {with(base, "Query implements Node", "Query"), []string{"`Query` has lost an interface: `Node`"}, nil},
		"another kind":       {with(base, "union U = P | Q", "type U { u: Int }"), []string{"`U` was UNION and is OBJECT"}, nil},
		"an input is gone":   {with(base, "d: [Int]", ""), []string{"`I.d` is gone"}, nil},
		"a list of input":    {with(base, "input I { a: Int ", "input I { a: [Int] "), nil, nil},
		"no list any more":   {with(base, "d: [Int]", "d: Int"), []string{"`I.d` was `[Int]` and is `Int`"}, nil},
	} {
		c := compare(parse(base), parse(tt.now))
		if diff := cmp.Diff(tt.broken, c.broken); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if diff := cmp.Diff(tt.added, c.added); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// with is a text with something else in it.
func with(text, was, is string) string {
	before, after, ok := strings.Cut(text, was)
	if !ok {
		panic(was + " is not in it")
	}
	return before + is + after
}
