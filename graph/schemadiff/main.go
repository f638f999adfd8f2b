// Command schemadiff writes what has changed in schema.graphql since it was last
// released, for client developers: docs/schema/unreleased.md.
package main

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

func main() {
	top := "."
	if len(os.Args) > 1 {
		top = os.Args[1]
	}
	version, c, err := sinceRelease(top)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(top, "docs/schema/unreleased.md"), page(version, c), 0o644); err != nil {
		log.Fatal(err)
	}
}

// sinceRelease compares the schema with the last released one.
func sinceRelease(top string) (version string, c *changes, err error) {
	files, err := filepath.Glob(filepath.Join(top, "docs/schema/*.graphql"))
	if err != nil {
		return "", nil, err
	}
	if len(files) == 0 {
		return "", nil, fmt.Errorf("no released schema in %s/docs/schema", top)
	}
	last := slices.MaxFunc(files, func(a, b string) int { return slices.Compare(numbers(a), numbers(b)) })
	from, err := load(last)
	if err != nil {
		return "", nil, err
	}
	to, err := load(filepath.Join(top, "schema.graphql"))
	if err != nil {
		return "", nil, err
	}
	return strings.TrimSuffix(filepath.Base(last), ".graphql"), compare(from, to), nil
}

// numbers are those of a version in the name of a file.
func numbers(file string) []int {
	var major, minor, patch int
	_, _ = fmt.Sscanf(filepath.Base(file), "%d.%d.%d", &major, &minor, &patch)
	return []int{major, minor, patch}
}

func load(file string) (*ast.Schema, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return gqlparser.LoadSchema(&ast.Source{Name: file, Input: string(text)})
}

func page(version string, c *changes) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# The schema since %s\n\n<!-- Made by make generate. -->\n", version)
	for _, part := range []struct {
		title string
		lines []string
	}{{"Broken", c.broken}, {"Added", c.added}} {
		fmt.Fprintf(&b, "\n## %s\n\n", part.title)
		if len(part.lines) == 0 {
			b.WriteString("Nothing.\n")
		}
		for _, line := range part.lines {
			fmt.Fprintf(&b, "- %s\n", line)
		}
	}
	return b.Bytes()
}
