package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/server/bench/load"
)

// openConnections is enough that a request finds one free in an open loop, unless
// answers take longer than tens of milliseconds.
const openConnections = 512

// clicks compares the way of a click with a handler that stores nothing and with
// one that stores each click by itself.
func (s *suite) clicks(ctx context.Context) (err error) {
	if err := s.use(ctx, 0); err != nil {
		return err
	}
	if err := s.bed.settle(ctx); err != nil {
		return err
	}
	traffic := load.Job{Clicks: &load.ClickTraffic{Codes: s.bed.Codes}}
	names := []string{baselineBare, oursName, baselineInsert}
	if s.Against != "" {
		names[2] = otherName
	}
	field, stop, err := s.field(ctx, traffic, names...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	for _, c := range field {
		c.rested = true
	}
	began := time.Now()
	if err := s.sameAnswers(ctx, field); err != nil {
		return err
	}
	for _, n := range s.Connections {
		if err := s.row(ctx, strconv.Itoa(n), load.Job{Connections: n}, field...); err != nil {
			return err
		}
	}
	for _, rate := range s.Rates {
		contenders := slices.DeleteFunc(slices.Clone(field), func(c *contender) bool { return c.name == baselineInsert })
		if err := s.row(ctx, fmt.Sprintf("%d/s", rate), load.Job{Connections: openConnections, Rate: rate}, contenders...); err != nil {
			return err
		}
	}
	return s.auditClicks(ctx, proofback.UUIDFloor(began))
}

// postbacks compares the way of a postback with a bare INSERT and with the
// transaction that one would write first; the mixed suite with postbacks that
// are all different.
func (s *suite) postbacks(ctx context.Context) (err error) {
	if err := s.use(ctx, s.Clicks); err != nil {
		return err
	}
	if err := s.bed.fill(ctx, s.Clicks); err != nil {
		return err
	}
	if err := s.bed.warm(ctx); err != nil {
		return err
	}
	if err := s.prepareInserts(ctx); err != nil {
		return err
	}
	began := time.Now()
	prefix := fmt.Sprintf("b%d-", s.bed.Runs)
	distinct := load.Job{Postbacks: &load.PostbackTraffic{Clicks: s.bed.Clicks, Prefix: prefix}}
	ours, stop, err := s.field(ctx, distinct, oursName)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	field := []*contender{s.inserts(), ours[0]}
	plain, err := s.pgbench(ctx)
	if err != nil {
		return err
	}
	if plain != nil {
		field = append(field, plain)
	}
	both := len(field)
	if s.Suite == "duplicates" {
		mixed := *ours[0]
		mixed.name = oursName + ", half twice"
		mixed.job.Postbacks = &load.PostbackTraffic{Clicks: s.bed.Clicks, Prefix: prefix + "m", Mixed: true}
		field = append(field, &mixed)
	} else {
		distinct.Postbacks = &load.PostbackTraffic{Clicks: s.bed.Clicks, Prefix: fmt.Sprintf("n%d-", s.bed.Runs)}
		naive, stop, err := s.field(ctx, distinct, baselineNaive)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
		field = append(field, naive[0])
	}
	rested := func(name string, shape load.Job, field ...*contender) error {
		if err := s.bed.rest(ctx); err != nil {
			return err
		}
		return s.row(ctx, name, shape, field...)
	}
	if err := rested("one connection", load.Job{Connections: 1}, field[:both]...); err != nil {
		return err
	}
	// An idle server has run for a while: what it asks of each day's clicks is prepared.
	if err := rested("idle", load.Job{Connections: 1, Rate: idleRate}, field[:2]...); err != nil {
		return err
	}
	for _, n := range s.Connections {
		if err := rested(strconv.Itoa(n), load.Job{Connections: n}, field...); err != nil {
			return err
		}
	}
	return s.auditPostbacks(ctx, proofback.UUIDFloor(began), prefix)
}

// idleRate leaves a server idle between two requests.
const idleRate = 20

// row measures and prints.
func (s *suite) row(ctx context.Context, row string, shape load.Job, field ...*contender) error {
	all, err := s.compare(ctx, row, shape, field...)
	if err != nil {
		return err
	}
	if err := s.print(row, all); err != nil {
		return err
	}
	return s.besidePgbench(row, all)
}

// besidePgbench tells our ratio to pgbench where it took part.
func (s *suite) besidePgbench(row string, all []figures) error {
	plain := slices.IndexFunc(all, func(f figures) bool { return f.name == pgbenchName })
	if plain < 0 {
		return nil
	}
	for i := range all {
		if f := &all[i]; f.ours {
			ratio := ratios(f, &all[plain])
			s.expect(row+" pgbench", median(ratio), 0)
			if _, err := fmt.Fprintf(s.out, "%s: %s is %.2f (%s) of pgbench\n", row, f.name, median(ratio), spread(ratio)); err != nil {
				return err
			}
		}
	}
	return nil
}

const (
	oursName  = "proofback"       // the program as it is served
	otherName = "the other build" // of it, that it is compared to
)

// field starts servers that are sent the same traffic.
func (s *suite) field(ctx context.Context, traffic load.Job, names ...string) (list []*contender, stop func() error, err error) {
	stop = func() error {
		var errs []error
		for _, c := range list {
			errs = append(errs, c.server.stop())
		}
		return errors.Join(errs...)
	}
	for _, name := range names {
		c := &contender{name: name, job: traffic, ours: name == oursName, stores: name == oursName || name == otherName}
		switch name {
		case oursName:
			c.server, err = s.serveOurs(ctx)
		case otherName:
			c.server, err = startBuild(ctx, s.Against, s.bed.environment(), nil, "serve", "--role=ingest")
		default:
			c.server, err = s.serveBaseline(ctx, name)
		}
		if err != nil {
			return nil, nil, errors.Join(err, stop())
		}
		c.job.Addr = c.server.addr
		list = append(list, c)
	}
	return list, stop, nil
}

// inserts is the baseline of postbacks.
func (s *suite) inserts() *contender {
	return &contender{name: "one INSERT each, pgx", job: load.Job{
		Inserts: &load.InsertTraffic{URL: s.bed.cluster.URL()},
		First:   uint64(time.Now().UnixNano()),
	}}
}

func (s *suite) prepareInserts(ctx context.Context) error {
	_, err := s.bed.store.Pool().Exec(ctx, load.InsertTable)
	return errors.Join(err, s.bed.settle(ctx))
}

// use has as much of Postgres' memory used once as some stored clicks and the rows of a
// run at full speed take, if it has so much.
func (s *suite) use(ctx context.Context, clicks int) error {
	const click, second = 512, 100 << 20 // bytes, more than either takes
	rows := time.Duration(len(s.Connections) + len(s.Rates) + 2)
	took := time.Duration(s.Rounds) * rows * (s.Warmup + s.Duration)
	return s.bed.use(ctx, clicks*click+int(took.Seconds()*second))
}
