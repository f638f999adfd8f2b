// Command proofback is the whole of Proofback in one process: HTTP, workers and,
// where no DATABASE_URL is given, Postgres itself.
//
// Settings (settings.go) come from flags and the environment, are read once, and
// are refused in one line when they are wrong. serve (serve.go) wires the parts
// together and runs until it is told to stop; what is started is ended in the
// reverse order, so that a click or postback that was taken is stored before the
// database goes away (lifecycle.go). Around every request stand the middlewares of
// middleware.go; what /healthz, /readyz and /metrics tell is in health.go and
// metrics.go.
package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"

	"github.com/alecthomas/kong"

	"github.com/proofback/proofback/server/bench"
)

// commandLine is what may be said on it.
type commandLine struct {
	Settings `embed:""`

	Serve   serveCommand   `cmd:"" default:"withargs" help:"Run everything, or with --role a part of it: HTTP and workers, and Postgres where DATABASE_URL is left out (default)."`
	Migrate migrateCommand `cmd:"" help:"Bring the database to this version's schema, and end."`
	Token   tokenCommand   `cmd:"" help:"Print an access token for the configured key."`
	Rates   ratesCommand   `cmd:"" help:"Reference rates that do not come from the feed."`
	Verify  verifyCommand  `cmd:"" help:"Check what is derived against what it is derived from."`
	Version versionCommand `cmd:"" help:"Print the version."`

	Bench         bench.Command         `cmd:"" help:"Measure what is taken in, side by side with what the machine could do at best."`
	BenchLoad     bench.LoadCommand     `cmd:"" hidden:"" help:"The load generator's process."`
	BenchBaseline bench.BaselineCommand `cmd:"" hidden:"" help:"The process of what is compared to."`
}

// version is set by the linker where a release is built.
var version string

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run runs a command and returns the exit code. Whatever stops it is told in one
// line.
func run(args []string, stdout, stderr *os.File) int {
	easeCollection()
	var c commandLine
	parser, err := kong.New(&c,
		kong.Name("proofback"),
		kong.Description("Partner tracking that decides every postback once and explains it forever."),
		kong.Writers(stdout, stderr),
		kong.ConfigureHelp(kong.HelpOptions{FlagsLast: true}),
		kong.BindTo(stdout, (*io.Writer)(nil)),
		kong.Vars{"checks": checkNames()},
		kong.Bind(&c.Settings),
		kong.Bind(bench.NewServer(func(h http.Handler) *http.Server { return newHTTPServer(h, slog.Default()) })),
	)
	if err == nil {
		var command *kong.Context
		if command, err = parser.Parse(args); err == nil {
			err = command.Run()
		}
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "proofback:", oneLine(err))
		return 1
	}
	return 0
}
