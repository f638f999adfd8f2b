package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback/server/bench/load"
)

const (
	// killedBusy is how long receivers take meanwhile, so that many requests are in
	// flight.
	killedBusy = 60 * time.Millisecond
	killedRate = 2000 // postbacks a second, to a process of their own
)

// killed kills a process that delivers while postbacks come in at another one,
// and starts a new one.
func (s *suite) killed(ctx context.Context) (err error) {
	progress("%s: delivering at %d/s", rowKilled, killedRate)
	if err := s.forget(ctx); err != nil {
		return err
	}
	taking, err := s.serveOurs(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, taking.stop()) }()
	worker, err := s.serveDelivering(ctx)
	if err != nil {
		return err
	}
	s.receivers.reset(time.Time{})
	s.receivers.busy.Store(int64(killedBusy))
	defer s.receivers.busy.Store(0)

	prefix := fmt.Sprintf("k%d-", s.bed.Runs)
	type outcome struct {
		result *load.Result
		err    error
	}
	loaded := make(chan outcome, 1)
	go func() {
		result, _, err := drive(ctx, load.Job{
			Addr: taking.addr, Connections: openConnections, Rate: killedRate, Warmup: s.Warmup, Duration: s.Duration,
			Postbacks: &load.PostbackTraffic{Clicks: s.bed.Clicks, Prefix: prefix, Stamped: true},
		})
		loaded <- outcome{result, err}
	}()
	<-time.After(s.Warmup + s.Duration/2)
	held, killedAt := s.receivers.holding.Load(), time.Now()
	if err := worker.kill(); err != nil {
		return err
	}
	s.receivers.wereSentBefore(killedAt)
	inFlight, err := s.inFlight(ctx, prefix)
	if err != nil {
		return err
	}
	successor, err := s.serveDelivering(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, successor.stop()) }()
	o := <-loaded
	if o.err != nil {
		return o.err
	}
	accepted := o.result.Outcomes["200 accepted"]
	t, err := s.receivers.await(ctx, accepted, arrivalPatience)
	if err != nil {
		return err
	}
	straggler := t.early.Sub(killedAt)
	s.expect(rowKilled, 0, straggler)
	_, err = fmt.Fprintf(s.out, "\n%s, %d/s: %s events accepted, %s arrived, %d of them twice; %d in flight at the kill (%d held by receivers); the last that was sent before it came %s after it\n",
		rowKilled, killedRate, grouped(float64(accepted)), grouped(float64(t.events)), t.repeated, inFlight, held, short(straggler))
	if t.repeated > inFlight {
		err = errors.Join(err, fmt.Errorf("%d came twice, and %d were in flight", t.repeated, inFlight))
	}
	return err
}

// inFlight counts the requests that a process died over: of events that have
// arrived, those whose attempt is not recorded.
func (s *suite) inFlight(ctx context.Context, prefix string) (n int, err error) {
	rows, err := s.bed.store.Pool().Query(ctx, `
		SELECT c.txid
		FROM conversions AS c
		JOIN deliveries AS d ON d.conversion_id = c.id
		WHERE c.txid LIKE $1
		  AND d.status = 'PENDING'`, prefix+"%")
	if err != nil {
		return 0, err
	}
	waiting, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, txid := range waiting {
		if s.receivers.has(txid) {
			n++
		}
	}
	return n, err
}
