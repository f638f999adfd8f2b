package graph_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

var graphqlBlock = regexp.MustCompile("(?s)```graphql\\n(.*?)```")

// Whatever the documents tell people to ask, the schema answers.
func TestOperationsInTheDocumentsFitTheSchema(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../schema.graphql")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "schema.graphql", Input: string(text)})
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		doc, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range graphqlBlock.FindAllStringSubmatch(string(doc), -1) {
			found++
			if _, err := gqlparser.LoadQueryWithRules(schema, block[1], nil); err != nil {
				t.Errorf("%s: %v\n%s", file, err, block[1])
			}
		}
	}
	if found == 0 {
		t.Error("there is none")
	}
}

var typescriptBlock = regexp.MustCompile("(?s)```ts\\n(.*?)```")

// What the pages for client developers show is what runs in docs/examples.
func TestCodeInTheDocumentsIsThatOfTheExamples(t *testing.T) {
	t.Parallel()
	var code strings.Builder
	sources, err := filepath.Glob("../docs/examples/src/*.ts")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range sources {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(text)
	}
	pages, err := filepath.Glob("../docs/api/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		blocks := typescriptBlock.FindAllStringSubmatch(string(text), -1)
		if len(blocks) == 0 {
			t.Errorf("%s shows no code", page)
		}
		for _, block := range blocks {
			if !strings.Contains(code.String(), block[1]) {
				t.Errorf("%s shows what does not run: %s", page, block[1])
			}
		}
	}
}
