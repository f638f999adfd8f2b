package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Command is `proofback bench`.
type Command struct {
	Suite string `arg:"" enum:"click,postback,duplicates,growth,deliveries,reports,cost,graphql,subscribers,reconcile" help:"What to measure: click, postback, duplicates, growth, deliveries, reports, cost, graphql, subscribers or reconcile."`

	Rounds      int           `default:"5" help:"Rounds, of which medians are told (default ${default})."`
	Duration    time.Duration `default:"10s" help:"Measured time of each contender in each round (default ${default})."`
	Warmup      time.Duration `default:"2s" help:"Time that each is driven before it is measured (default ${default})."`
	Connections []int         `default:"64,256" help:"Connections of the closed loops (default ${default})."`
	Rates       []int         `default:"5000,15000" help:"Arrivals a second of the open loops (default ${default})."`
	Clicks      int           `default:"1000000" help:"Clicks that are stored before postbacks are measured (default ${default})."`
	Millions    []int         `help:"Stored clicks, in millions, at which growth (default 1,10) and reports (default 5,20) are measured."`

	PerDay int `default:"222222" help:"Clicks of each day that reports are made of: at the default, ninety days have twenty millions (default ${default})."`

	Lines int `default:"1000000" help:"Conversions that reconcile compares a list with (default ${default})."`

	Deliveries   int    `default:"40000" help:"Outbound postbacks in a backlog (default ${default})."`
	PostbackRate int    `default:"500" help:"Postbacks a second while outbound ones are timed (default ${default})."`
	JobIndexes   bool   `help:"Measure deliveries with River's GIN indexes over its jobs, which the migrations drop."`
	Only         string `placeholder:"PART" help:"Of deliveries, measure only this part: backlog, latency or killed. Of growth and reconcile: load, to prepare a folder."`

	Idle time.Duration `default:"60s" help:"Of cost, time in which a program with nothing to do is watched (default ${default})."`

	Floor   map[string]float64       `placeholder:"ROW=RATIO;…" help:"Fail when our ratio in a row is lower, such as 256=0.8;64=0.45, or '256 pgbench'=0.8 for that to pgbench."`
	Ceiling map[string]time.Duration `placeholder:"ROW=TIME;…" help:"Fail when our p99 in a row is higher, such as 15000/s=10ms."`

	Against string `placeholder:"PROGRAM" help:"Of click, compare with this build of the program, rather than with one INSERT each."`

	Explain bool `help:"Print how Postgres makes the reports."`

	Dir     string `placeholder:"DIR" help:"Keep the cluster and its clicks here for the next run (default: a temporary folder)."`
	Profile string `placeholder:"DIR" help:"Write CPU profiles of the program here."`
}

// Run runs a suite. What is measured goes to out, what goes on meanwhile to stderr.
func (c *Command) Run(out io.Writer) (err error) {
	if c.Rounds < 1 || c.Duration <= 0 || c.Clicks < 1 || c.PerDay < 1 || c.Lines < 1 {
		return errors.New("bench: --rounds, --duration, --clicks, --per-day and --lines must be more than nothing")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	b, err := makeBed(ctx, c.Dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	s := &suite{Command: c, bed: b, out: out, answered: outcomes{}}
	if err := s.describe(ctx); err != nil {
		return err
	}
	switch c.Suite {
	case "click":
		err = s.clicks(ctx)
	case "growth":
		err = s.growth(ctx)
	case "deliveries":
		err = s.deliveries(ctx)
	case "reports":
		err = s.reports(ctx)
	case "cost":
		err = s.costs(ctx)
	case "reconcile":
		err = s.reconcile(ctx)
	case "graphql":
		err = s.graphql(ctx)
	case "subscribers":
		err = s.subscribers(ctx)
	default:
		err = s.postbacks(ctx)
	}
	if err != nil {
		return err
	}
	return s.verdict()
}

// suite is a Command that runs.
type suite struct {
	*Command
	bed    *bed
	out    io.Writer
	missed []string // goals

	answered  outcomes // ours
	others    int      // requests that servers to compare with answered
	pprofAddr string   // of the program

	destinations []destination
	receivers    *receivers
}

// progress tells whoever waits what is going on.
func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}

// expect compares a row with the goals given for it.
func (s *suite) expect(row string, ratio float64, p99 time.Duration) {
	if floor, ok := s.Floor[row]; ok && ratio < floor {
		s.missed = append(s.missed, fmt.Sprintf("%s: %.2f is below the floor of %.2f", row, ratio, floor))
	}
	if ceiling, ok := s.Ceiling[row]; ok && p99 > ceiling {
		s.missed = append(s.missed, fmt.Sprintf("%s: p99 of %s is above the ceiling of %s", row, short(p99), ceiling))
	}
}

// verdict fails when a goal was missed.
func (s *suite) verdict() error {
	errs := make([]error, len(s.missed))
	for i, m := range s.missed {
		errs[i] = errors.New(m)
	}
	return errors.Join(errs...)
}
