package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing/fstest"

	"github.com/99designs/gqlgen/codegen"
	"github.com/99designs/gqlgen/codegen/config"
	"github.com/99designs/gqlgen/codegen/templates"
	"github.com/vektah/gqlparser/v2/ast"
)

// changes are what is different in gqlgen's other templates. Each stands there once: a
// version of gqlgen that has it otherwise stops the generator.
var changes = []struct{ file, before, after string }{
	{
		"generated!.gotpl", `{{ reserveImport "embed"  }}`,
		"{{ reserveImport \"embed\"  }}\n{{ reserveImport \"github.com/proofback/proofback/graph/fields\" }}",
	},
	// Lists.
	{
		"type.gotpl", `ret := graphql.MarshalSliceConcurrently(ctx, len(v), {{ $.Config.Exec.WorkerLimit }}, {{ $.Config.OmitPanicHandler }}, func(ctx context.Context, i int) graphql.Marshaler {
						fc := graphql.GetFieldContext(ctx)
						fc.Result = &v[i]
						return`,
		`return fields.{{ if plain $type.Elem.Definition.Name }}Plain{{ end }}List(ctx, len(v), {{ $type.Elem.GQL.NonNull }}, func(ctx context.Context, i int) graphql.Marshaler {
						return`,
	},
	{
		"type.gotpl", `{{ if $type.Elem.GQL.NonNull }}
					for _, e := range ret {`,
		`{{ if and $type.IsScalar $type.Elem.GQL.NonNull }}
					for _, e := range ret {`,
	},
	{"type.gotpl", "{{ end }}\n				return ret\n", "{{ end }}\n				{{- if $type.IsScalar }}\n				return ret\n				{{- end }}\n"},
	// One operation's selections are collected once.
	{
		"internal!.gotpl", "type executionContext struct {\n",
		"type executionContext struct {\n	plans fields.Plans\n",
	},
	// Inputs are read by the arguments that take them, and nowhere else.
	{
		"internal!.gotpl", `inputUnmarshalMap := graphql.BuildUnmarshalerMap(
		{{- range $input := .Inputs -}}
			{{ if not $input.HasUnmarshal }}
				{{$.ECDot}}unmarshalInput{{ $input.Name }},
			{{- end }}
		{{- end }}
	)
`, "",
	},
	{
		"internal!.gotpl", `				ctx = graphql.WithUnmarshalerMap(ctx, inputUnmarshalMap)
				{{ if .AllDirectives.LocationDirectives "QUERY" -}}`,
		`				{{ if .AllDirectives.LocationDirectives "QUERY" -}}`,
	},
	{
		"internal!.gotpl", `			ctx = graphql.WithUnmarshalerMap(ctx, inputUnmarshalMap)
			{{ if .AllDirectives.LocationDirectives "MUTATION" -}}`,
		`			{{ if .AllDirectives.LocationDirectives "MUTATION" -}}`,
	},
}

// childFields is where a template begins, and ends, that makes nothing that we call.
var childFields = [2]string{"// childFields_* functions", `{{ template "globalMiddleware" . }}`}

// render writes the executor.
func render(data *codegen.Data) error {
	if err := check(data); err != nil {
		return err
	}
	files, err := templateFiles()
	if err != nil {
		return err
	}
	cfg := data.Config
	return templates.Render(templates.Options{
		PackageName:     cfg.Exec.Package,
		Filename:        cfg.Exec.Filename,
		Data:            data,
		RegionTags:      true,
		GeneratedHeader: true,
		Packages:        cfg.Packages,
		TemplateFS:      files,
		PruneOptions:    cfg.GetPruneOptions(),
		Funcs:           map[string]any{"plain": plainTypes(data)},
	})
}

// check refuses what our templates have nothing for.
func check(data *codegen.Data) error {
	for _, o := range data.Objects {
		for _, f := range o.Fields {
			if !o.IsReserved() && (f.HasDirectives() || f.IsBatch() || f.HasHaser || f.IsMap()) {
				return fmt.Errorf("%s.%s: directives that run, batches, hasers and maps are not taken over from gqlgen", o.Name, f.Name)
			}
		}
	}
	return nil
}

// templateFiles are gqlgen's templates, with our changes and our own.
func templateFiles() (fstest.MapFS, error) {
	out, err := exec.CommandContext(context.Background(), "go", "list", "-f", "{{.Dir}}", "github.com/99designs/gqlgen/codegen").Output()
	if err != nil {
		return nil, err
	}
	paths, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "*.gotpl"))
	if err != nil {
		return nil, err
	}
	texts := map[string]string{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		texts[filepath.Base(path)] = string(text)
	}
	for _, c := range changes {
		if n := strings.Count(texts[c.file], c.before); n != 1 {
			return nil, fmt.Errorf("%s of this gqlgen has %d times what is changed in it: %s", c.file, n, c.before)
		}
		texts[c.file] = strings.Replace(texts[c.file], c.before, c.after, 1)
	}
	head, rest, found := strings.Cut(texts["internal!.gotpl"], childFields[0])
	_, tail, foundToo := strings.Cut(rest, childFields[1])
	if !found || !foundToo {
		return nil, fmt.Errorf("internal!.gotpl of this gqlgen has no %s", childFields[0])
	}
	texts["internal!.gotpl"] = head + childFields[1] + tail
	files := fstest.MapFS{}
	for name, text := range texts {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	for _, name := range []string{"object.gotpl", "field.gotpl"} {
		text, err := ourTemplates.ReadFile(name)
		if err != nil {
			return nil, err
		}
		files[name] = &fstest.MapFile{Data: text}
	}
	return files, nil
}

// plainTypes tells the types of which everything, all the way down, is in Go fields: no
// resolver is called for them, so no error needs to know where in an answer it is.
func plainTypes(data *codegen.Data) func(string) bool {
	objects := map[string]*codegen.Object{}
	for _, o := range data.Objects {
		objects[o.Name] = o
	}
	special := map[string]bool{} // not plain
	for again := true; again; {
		again = false
		for _, o := range data.Objects {
			for _, f := range o.Fields {
				if !special[o.Name] && (o.Root || !f.IsVariable() || !plainReference(f.TypeReference, objects, special)) {
					special[o.Name], again = true, true
				}
			}
		}
	}
	return func(name string) bool { return objects[name] != nil && !special[name] }
}

func plainReference(t *config.TypeReference, objects map[string]*codegen.Object, special map[string]bool) bool {
	switch t.Definition.Kind {
	case ast.Scalar, ast.Enum:
		return true
	case ast.Object:
		return objects[t.Definition.Name] != nil && !special[t.Definition.Name]
	}
	return false // interfaces and unions
}
