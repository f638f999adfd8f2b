package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// changes are what is different between two schemas.
type changes struct {
	broken []string // a client of the old one may not work with the new one
	added  []string
}

func (c *changes) breaks(format string, args ...any) {
	c.broken = append(c.broken, fmt.Sprintf(format, args...))
}

func (c *changes) adds(format string, args ...any) {
	c.added = append(c.added, fmt.Sprintf(format, args...))
}

// compare tells what clients of an old schema find changed.
func compare(from, to *ast.Schema) *changes {
	c := &changes{}
	for _, name := range slices.Sorted(maps.Keys(to.Types)) {
		if from.Types[name] == nil {
			c.adds("`%s`", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(from.Types)) {
		before, after := from.Types[name], to.Types[name]
		switch {
		case before.BuiltIn:
		case after == nil:
			c.breaks("`%s` is gone", name)
		case after.Kind != before.Kind:
			c.breaks("`%s` was %s and is %s", name, before.Kind, after.Kind)
		case before.Kind == ast.Enum:
			c.enum(before, after)
		case before.Kind == ast.InputObject:
			c.input(before, after)
		case before.Kind == ast.Union:
			c.members("a member", name, before.Types, after.Types)
		default:
			c.members("an interface", name, before.Interfaces, after.Interfaces)
			c.output(before, after)
		}
	}
	return c
}

// members of a union, or interfaces of a type.
func (c *changes) members(what, name string, before, after []string) {
	for _, m := range before {
		if !slices.Contains(after, m) {
			c.breaks("`%s` has lost %s: `%s`", name, what, m)
		}
	}
	for _, m := range after {
		if !slices.Contains(before, m) {
			c.adds("`%s` as %s of `%s`", m, what, name)
		}
	}
}

func (c *changes) enum(before, after *ast.Definition) {
	for _, v := range before.EnumValues {
		if after.EnumValues.ForName(v.Name) == nil {
			c.breaks("`%s.%s` is gone", before.Name, v.Name)
		}
	}
	for _, v := range after.EnumValues {
		if before.EnumValues.ForName(v.Name) == nil {
			c.adds("`%s.%s`", before.Name, v.Name)
		}
	}
}

func (c *changes) output(before, after *ast.Definition) {
	for _, f := range before.Fields {
		name := before.Name + "." + f.Name
		now := after.Fields.ForName(f.Name)
		if now == nil {
			c.breaks("`%s` is gone", name)
			continue
		}
		if !answers(now.Type, f.Type) {
			c.breaks("`%s` was `%s` and is `%s`", name, f.Type, now.Type)
		}
		if now.Directives.ForName("deprecated") != nil && f.Directives.ForName("deprecated") == nil {
			c.adds("`%s` is deprecated", name)
		}
		for _, a := range f.Arguments {
			is := now.Arguments.ForName(a.Name)
			switch {
			case is == nil:
				c.breaks("`%s(%s:)` is gone", name, a.Name)
			case !takes(is.Type, a.Type, is.DefaultValue != nil):
				c.breaks("`%s(%s:)` was `%s` and is `%s`", name, a.Name, a.Type, is.Type)
			case value(a.DefaultValue) != value(is.DefaultValue):
				c.breaks("`%s(%s:)` is %s where it is left out, and was %s", name, a.Name, value(is.DefaultValue), value(a.DefaultValue))
			}
		}
		for _, a := range now.Arguments {
			switch {
			case f.Arguments.ForName(a.Name) != nil:
			case a.Type.NonNull && a.DefaultValue == nil:
				c.breaks("`%s(%s:)` is needed now", name, a.Name)
			default:
				c.adds("`%s(%s:)`", name, a.Name)
			}
		}
	}
	for _, f := range after.Fields {
		if before.Fields.ForName(f.Name) == nil && !strings.HasPrefix(f.Name, "__") {
			c.adds("`%s.%s`", before.Name, f.Name)
		}
	}
}

func (c *changes) input(before, after *ast.Definition) {
	for _, f := range before.Fields {
		name := before.Name + "." + f.Name
		now := after.Fields.ForName(f.Name)
		switch {
		case now == nil:
			c.breaks("`%s` is gone", name)
		case !takes(now.Type, f.Type, now.DefaultValue != nil):
			c.breaks("`%s` was `%s` and is `%s`", name, f.Type, now.Type)
		case value(f.DefaultValue) != value(now.DefaultValue):
			c.breaks("`%s` is %s where it is left out, and was %s", name, value(now.DefaultValue), value(f.DefaultValue))
		}
	}
	for _, f := range after.Fields {
		switch {
		case before.Fields.ForName(f.Name) != nil:
		case f.Type.NonNull && f.DefaultValue == nil:
			c.breaks("`%s.%s` is needed now", before.Name, f.Name)
		default:
			c.adds("`%s.%s`", before.Name, f.Name)
		}
	}
}

// answers reports whether whoever expects one type of an answer can read another.
func answers(is, expected *ast.Type) bool {
	if expected.NonNull && !is.NonNull {
		return false
	}
	if expected.Elem != nil {
		return is.Elem != nil && answers(is.Elem, expected.Elem)
	}
	return is.Elem == nil && is.NamedType == expected.NamedType
}

// takes reports whether what was sent for one type is taken for another.
func takes(is, sent *ast.Type, hasDefault bool) bool {
	if is.NonNull && !sent.NonNull && !hasDefault {
		return false
	}
	if sent.Elem != nil {
		return is.Elem != nil && takes(is.Elem, sent.Elem, false)
	}
	if is.Elem != nil { // one thing is taken for a list of it
		return takes(is.Elem, sent, false)
	}
	return is.NamedType == sent.NamedType
}

func value(v *ast.Value) string {
	if v == nil {
		return "nothing"
	}
	return "`" + v.String() + "`"
}
