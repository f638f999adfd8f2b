package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/proofback/proofback/server/bench/load"
)

// What is taken in steadily while the cost of each is measured; what it costs at
// full speed is measured beside it.
const (
	steadyClicks    = 1000 // a second
	steadyPostbacks = 100
	fullConnections = 256
)

// deliveryPatience is for how long no outbound postback may arrive before those
// that are missing count as lost.
const deliveryPatience = 30 * time.Second

// expense is what was used for n of something.
type expense struct {
	what              string
	n                 int
	took              time.Duration
	program, postgres time.Duration // CPU time
	wal, stored       int64         // bytes
}

// costs measures what a click, a postback and an outbound postback cost, and what
// a program costs that has nothing to do.
func (s *suite) costs(ctx context.Context) (err error) {
	// First, while there is nothing to be done for what the others leave behind.
	idle, err := s.costOfNothing(ctx)
	if err != nil {
		return err
	}
	if err := s.use(ctx, s.Clicks); err != nil {
		return err
	}
	if err := s.bed.fill(ctx, s.Clicks); err != nil {
		return err
	}
	if err := s.bed.settle(ctx); err != nil {
		return err
	}
	all, err := s.costsOfIngest(ctx)
	if err != nil {
		return err
	}
	delivered, err := s.costOfDeliveries(ctx)
	if err != nil {
		return err
	}
	return s.printCosts(append(all, delivered), idle)
}

// costsOfIngest measures clicks and postbacks, at a steady rate and at full speed.
func (s *suite) costsOfIngest(ctx context.Context) (all []expense, err error) {
	server, err := s.serveOurs(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	clicks := load.Job{Addr: server.addr, Clicks: &load.ClickTraffic{Codes: s.bed.Codes}}
	postbacks := load.Job{Addr: server.addr, Postbacks: &load.PostbackTraffic{Clicks: s.bed.Clicks, Prefix: fmt.Sprintf("c%d-", s.bed.Runs)}}
	for _, row := range []struct {
		what string
		job  *load.Job
		rate int
	}{
		{fmt.Sprintf("click, at %d/s", steadyClicks), &clicks, steadyClicks},
		{"click, at full speed", &clicks, 0},
		{fmt.Sprintf("postback, at %d/s", steadyPostbacks), &postbacks, steadyPostbacks},
		{"postback, at full speed", &postbacks, 0},
	} {
		if err := s.bed.rest(ctx); err != nil {
			return nil, err
		}
		e, err := s.spend(ctx, row.what, server, func() (int, error) {
			job := *row.job
			job.Duration, job.Rate, job.Connections = s.Duration, row.rate, fullConnections
			result, _, err := drive(ctx, job)
			if err != nil {
				return 0, err
			}
			row.job.First += uint64(result.Requests())
			return result.Requests(), wantTaken(result)
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", row.what, err)
		}
		all = append(all, e)
	}
	return all, nil
}

// wantTaken wants every click and postback to have been taken: what was refused
// costs less.
func wantTaken(r *load.Result) error {
	for outcome, n := range r.Outcomes {
		if outcome != "302" && outcome != "200 accepted" {
			return fmt.Errorf("%d were answered with %q", n, outcome)
		}
	}
	return nil
}

// costOfDeliveries measures how the postbacks that were taken are told to an
// endpoint of ours.
func (s *suite) costOfDeliveries(ctx context.Context) (e expense, err error) {
	var told atomic.Int64
	endpoint := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { told.Add(1) })}
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return e, err
	}
	go func() { _ = endpoint.Serve(l) }() // ends with Close
	defer func() { err = errors.Join(err, endpoint.Close()) }()
	url := "http://" + l.Addr().String() + "/in?cid={sub1}&tx={txid}&payout={payout}&status={status}"
	if _, err := s.bed.store.Pool().Exec(ctx, `UPDATE destinations SET url_template = $1`, url); err != nil {
		return e, err
	}
	var waiting int
	const pending = `SELECT count(*) FROM deliveries WHERE status = 'PENDING'`
	if err := s.bed.store.Pool().QueryRow(ctx, pending).Scan(&waiting); err != nil {
		return e, err
	}
	worker, err := start(ctx, append(s.bed.environment(), "PROOFBACK_OUTBOUND_ALLOW=127.0.0.0/8"), nil, "serve", "--role=worker")
	if err != nil {
		return e, err
	}
	defer func() { err = errors.Join(err, worker.stop()) }()
	return s.spend(ctx, "outbound postback, from a backlog", worker, func() (int, error) {
		progress("telling of %d conversions", waiting)
		left := waiting
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for before, since := int64(-1), time.Now(); left > 0; <-tick.C {
			if now := told.Load(); now != before {
				before, since = now, time.Now()
			}
			if time.Since(since) > deliveryPatience {
				return 0, fmt.Errorf("%d of %d are not told", left, waiting)
			}
			if told.Load() < int64(waiting) {
				continue
			}
			if err := s.bed.store.Pool().QueryRow(ctx, pending).Scan(&left); err != nil {
				return 0, err
			}
		}
		return waiting, nil
	})
}

// costOfNothing measures a program that has all roles and no work.
func (s *suite) costOfNothing(ctx context.Context) (e expense, err error) {
	server, err := start(ctx, s.bed.environment(), nil, "serve")
	if err != nil {
		return e, err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	if err := pause(ctx, s.Idle/6); err != nil { // what is done at a start is over
		return e, err
	}
	return s.spend(ctx, "idle", server, func() (int, error) {
		progress("doing nothing for %s", s.Idle)
		return 1, pause(ctx, s.Idle)
	})
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// meter is how much has been used so far.
type meter struct {
	program, postgres time.Duration
	wal, stored       int64
}

// read reads the meter. All that is to be written is written before, so that
// nothing that was done is paid for by the next.
func (s *suite) read(ctx context.Context, c *child) (m meter, err error) {
	if _, err := s.bed.store.Pool().Exec(ctx, `CHECKPOINT`); err != nil {
		return m, err
	}
	err = s.bed.store.Pool().QueryRow(ctx, `
		SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint, pg_database_size(current_database())`).Scan(&m.wal, &m.stored)
	m.program, m.postgres = cpuOf(c.cmd.Process.Pid), s.bed.cpuOfPostgres()
	return m, err
}

// spend measures what is used while work is done, which tells how much that was.
func (s *suite) spend(ctx context.Context, what string, c *child, work func() (int, error)) (e expense, err error) {
	progress("%s", what)
	before, err := s.read(ctx, c)
	if err != nil {
		return e, err
	}
	began := time.Now()
	n, err := work()
	if err != nil {
		return e, err
	}
	took := time.Since(began)
	after, err := s.read(ctx, c)
	return expense{
		what: what, n: n, took: took,
		program: after.program - before.program, postgres: after.postgres - before.postgres,
		wal: after.wal - before.wal, stored: after.stored - before.stored,
	}, err
}

func (s *suite) printCosts(all []expense, idle expense) error {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\none\tmeasured\tper second\tCPU µs: program\tPostgres\tWAL bytes\tstored bytes\t\n")
	for _, e := range all {
		n := float64(e.n)
		fmt.Fprintf(w, "%s\t%s\t%s\t%.0f\t%.0f\t%s\t%s\t\n", e.what, grouped(n), grouped(n/e.took.Seconds()),
			e.program.Seconds()*1e6/n, e.postgres.Seconds()*1e6/n, grouped(float64(e.wal)/n), grouped(math.Max(0, float64(e.stored)/n)))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(&b, "\nidle for %s, role all: %.2f %% of a core in the program, %.2f %% in Postgres\n", idle.took.Round(time.Second),
		100*idle.program.Seconds()/idle.took.Seconds(), 100*idle.postgres.Seconds()/idle.took.Seconds())
	_, err := io.Copy(s.out, &b)
	return err
}
