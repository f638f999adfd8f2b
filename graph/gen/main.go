// Command gen makes what schema.graphql says into Go: models as gqlgen makes them, and
// an executor from gqlgen's templates with some of our own in their places.
//
// gqlgen's executor gives each field a context of its own and each row and relation a
// goroutine, whether it needs them or not: two thirds of what a page of conversions cost
// the server. Ours writes what an object has in its Go fields as it stands, and resolves
// relations level by level (package fields). Which object it is that a field belongs to,
// what null does to its parent, and what is said of an error is as gqlgen has it.
package main

import (
	"embed"
	"errors"
	"fmt"
	"os"

	"github.com/99designs/gqlgen/api"
	"github.com/99designs/gqlgen/codegen"
	"github.com/99designs/gqlgen/codegen/config"
	"github.com/99designs/gqlgen/plugin"
)

// ourTemplates stand in the place of those that gqlgen has by these names.
//
//go:embed object.gotpl field.gotpl
var ourTemplates embed.FS

func main() {
	if err := generate("gqlgen.yml"); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func generate(file string) error {
	cfg, err := config.LoadConfig(file)
	if err != nil {
		return err
	}
	if err := api.Generate(cfg, api.AddPlugin(executor{})); !errors.Is(err, errMade) {
		return fmt.Errorf("no executor was made: %w", err)
	}
	return nil
}

// executor is told by gqlgen what there is, and makes the executor from it.
type executor struct{}

var (
	_ plugin.Plugin        = executor{}
	_ plugin.CodeGenerator = executor{}
)

func (executor) Name() string { return "executor" }

// errMade ends what gqlgen does: next it would make an executor of its own.
var errMade = errors.New("made")

func (executor) GenerateCode(data *codegen.Data) error {
	if err := render(data); err != nil {
		return err
	}
	return errMade
}
