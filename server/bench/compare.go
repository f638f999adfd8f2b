package bench

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/proofback/proofback/server/bench/load"
)

// contender is somebody who is measured.
type contender struct {
	name   string
	job    load.Job // its traffic
	server *child   // nil where the generator talks to Postgres itself
	ours   bool
	stores bool // what it answers is counted
	rested bool // Postgres has nothing left to do for others when its turn comes

	drive func(context.Context, load.Job) (*load.Result, time.Duration, error) // nil: by our own generator
}

// outcomes adds up what a contender's requests came to, over all comparisons.
type outcomes map[string]int

// figures are what was measured of a contender, round by round.
type figures struct {
	name      string
	ours      bool
	perSecond []float64
	ratio     []float64 // to the first contender in the same round
	p50, p99  []time.Duration

	requests                int // warm-ups included, as in the CPU times
	server, postgres, loads time.Duration
	others, elapsed         time.Duration // CPU time of everybody else meanwhile
}

// compare measures contenders in turn, in each round all of them. The first is
// the baseline. Shape says how each is driven.
func (s *suite) compare(ctx context.Context, row string, shape load.Job, contenders ...*contender) ([]figures, error) {
	all := make([]figures, len(contenders))
	for round := range s.Rounds {
		for i, c := range contenders {
			progress("%s, round %d of %d: %s", row, round+1, s.Rounds, c.name)
			f := &all[i]
			f.name, f.ours = c.name, c.ours
			if c.rested {
				if err := s.bed.rest(ctx); err != nil {
					return nil, err
				}
			}
			profiled := s.profile(ctx, c, row, round)
			if err := s.measure(ctx, shape, c, f); err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			if err := profiled(); err != nil {
				return nil, err
			}
		}
	}
	for i := range all {
		all[i].ratio = ratios(&all[i], &all[0])
		if all[i].ours {
			s.expect(row, median(all[i].ratio), median(all[i].p99))
		}
	}
	return all, nil
}

// ratios are those of f to base in the same rounds.
func ratios(f, base *figures) []float64 {
	list := make([]float64, len(f.perSecond))
	for round := range list {
		list[round] = f.perSecond[round] / base.perSecond[round]
	}
	return list
}

// measure drives a contender once.
func (s *suite) measure(ctx context.Context, shape load.Job, c *contender, f *figures) error {
	job := shape
	job.Warmup, job.Duration = s.Warmup, s.Duration
	job.Addr, job.First = c.job.Addr, c.job.First
	job.Clicks, job.Postbacks, job.Inserts, job.Pages = c.job.Clicks, c.job.Postbacks, c.job.Inserts, c.job.Pages
	began, machine, server, postgres := time.Now(), cpuOfMachine(), c.cpu(), s.bed.cpuOfPostgres()
	through := drive
	if c.drive != nil {
		through = c.drive
	}
	result, generator, err := through(ctx, job)
	if err != nil {
		return err
	}
	server, postgres = c.cpu()-server, s.bed.cpuOfPostgres()-postgres
	f.server += server
	f.postgres += postgres
	f.loads += generator
	f.others += max(0, cpuOfMachine()-machine-server-postgres-generator)
	f.elapsed += time.Since(began)
	requests := result.Requests()
	f.requests += requests
	c.job.First += uint64(requests)
	if c.stores {
		for outcome, n := range result.Outcomes {
			s.answered[outcome] += n
		}
	} else if c.server != nil {
		s.others += requests
	}
	f.perSecond = append(f.perSecond, result.PerSecond())
	f.p50 = append(f.p50, result.Latency.Quantile(0.5))
	f.p99 = append(f.p99, result.Latency.Quantile(0.99))
	return nil
}

func (c *contender) cpu() time.Duration {
	if c.server == nil {
		return 0
	}
	return cpuOf(c.server.cmd.Process.Pid)
}

// profile takes a CPU profile of ours in its first round, where one is wanted. What
// it gives waits for it.
func (s *suite) profile(ctx context.Context, c *contender, row string, round int) (wait func() error) {
	if s.Profile == "" || !c.ours || round > 0 {
		return func() error { return nil }
	}
	done := make(chan error, 1)
	go func() {
		done <- fetchProfile(ctx, s.pprofAddr, s.Warmup+s.Duration, fmt.Sprintf("%s/%s-%s.pprof", s.Profile, s.Suite, fileName(row)))
	}()
	return func() error { return <-done }
}

// serveOurs starts the program as it is served, but for the work that others do.
func (s *suite) serveOurs(ctx context.Context) (*child, error) {
	return s.serveProgram(ctx, nil, "serve", "--role=ingest")
}

// serveProgram starts the program with more settings.
func (s *suite) serveProgram(ctx context.Context, settings []string, args ...string) (*child, error) {
	environment := append(s.bed.environment(), settings...)
	if s.Profile != "" {
		if err := os.MkdirAll(s.Profile, 0o755); err != nil {
			return nil, err
		}
		var err error
		if s.pprofAddr, err = freeAddr(ctx); err != nil {
			return nil, err
		}
		environment = append(environment, "PROOFBACK_PPROF_ADDR="+s.pprofAddr)
	}
	return start(ctx, environment, nil, args...)
}
