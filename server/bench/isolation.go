package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/proofback/proofback/server/bench/load"
)

// isolation measures how long it takes from a postback until the affiliate's
// endpoint has heard of it, with all endpoints well, and with one that hangs.
// Both leave out the one that hangs in the same round.
func (s *suite) isolation(ctx context.Context) error {
	all := []figures{{name: "all are well", ours: true}, {name: "one hangs, the others", ours: true}}
	var times []float64 // p99 with the one that hangs, in p99s without
	for round := range s.Rounds {
		hanging := s.receivers.list[round%len(s.receivers.list)]
		for i := range all {
			progress("%s, round %d of %d: %s", rowLatency, round+1, s.Rounds, all[i].name)
			hanging.hanging.Store(i == 1)
			err := s.onTheirWay(ctx, &all[i], round, hanging)
			hanging.hanging.Store(false)
			if err != nil {
				return err
			}
		}
		times = append(times, float64(all[1].p99[round])/float64(all[0].p99[round]))
	}
	for i := range all {
		for range s.Rounds {
			all[i].ratio = append(all[i].ratio, 1) // they are given as much as they take
		}
	}
	s.expect(rowLatency, 1, median(all[0].p99))
	s.expect(rowOthers, 1/median(times), median(all[1].p99))
	if err := s.print(fmt.Sprintf("%s, %d/s to %d", rowLatency, s.PostbackRate, len(s.destinations)), all); err != nil {
		return err
	}
	_, err := fmt.Fprintf(s.out, "p99 of the others: %.2f times what it is without the one that hangs (%s)\n", median(times), spread(times))
	return err
}

// onTheirWay measures one round.
func (s *suite) onTheirWay(ctx context.Context, f *figures, round int, but *receiver) error {
	if err := s.forget(ctx); err != nil {
		return err
	}
	server, err := s.serveDelivering(ctx)
	if err != nil {
		return err
	}
	// Startup is not measured, and neither is the first request to each endpoint.
	postgres, busy := s.bed.cpuOfPostgres(), cpuOf(server.cmd.Process.Pid)
	s.receivers.reset(time.Now().Add(s.Warmup))
	profiled := s.profile(ctx, &contender{ours: f.ours}, rowLatency, round)
	prefix := fmt.Sprintf("l%d-%d-%s", s.bed.Runs, round, map[bool]string{true: "h"}[but.hanging.Load()])
	result, generator, err := drive(ctx, load.Job{
		Addr: server.addr, Connections: openConnections, Rate: s.PostbackRate, Warmup: s.Warmup, Duration: s.Duration,
		Postbacks: &load.PostbackTraffic{Clicks: s.bed.Clicks, Prefix: prefix, Stamped: true},
	})
	if err == nil {
		err = s.awaitDelivered(ctx, prefix, but)
	}
	f.server += cpuOf(server.cmd.Process.Pid) - busy
	f.postgres += s.bed.cpuOfPostgres() - postgres
	f.loads += generator
	if err = errors.Join(err, profiled(), server.stop()); err != nil {
		return err
	}
	t := s.receivers.told(but)
	if t.repeated > 0 {
		return fmt.Errorf("%d requests were made twice", t.repeated)
	}
	f.requests += result.Requests()
	f.perSecond = append(f.perSecond, result.PerSecond())
	f.p50 = append(f.p50, t.latency.Quantile(0.5))
	f.p99 = append(f.p99, t.latency.Quantile(0.99))
	return nil
}

// awaitDelivered waits until all that is to be told of events is delivered, but
// for what is to be told to one receiver.
func (s *suite) awaitDelivered(ctx context.Context, prefix string, but *receiver) error {
	ctx, cancel := context.WithTimeout(ctx, arrivalPatience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var missing int
		err := s.bed.store.Pool().QueryRow(ctx, `
			SELECT count(*)
			FROM conversions AS c
			JOIN deliveries AS d ON d.conversion_id = c.id
			JOIN destinations AS t ON t.id = d.destination_id
			WHERE c.txid LIKE $1
			  AND d.status <> 'DELIVERED'
			  AND NOT starts_with(t.url_template, $2 || '?')`, prefix+"%", but.url).Scan(&missing)
		if err != nil || missing == 0 {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%d events were not delivered", missing)
		}
	}
}
