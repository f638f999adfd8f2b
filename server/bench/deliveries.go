package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
)

// deliveries measures outbound postbacks: how fast a backlog of them is worked
// off beside a bare River worker, how long one is on its way, what a hanging
// endpoint does to the others, and what a killed process leaves behind.
func (s *suite) deliveries(ctx context.Context) (err error) {
	if err := s.bed.fill(ctx, s.Clicks); err != nil {
		return err
	}
	indexes := dropJobIndexes
	if s.JobIndexes {
		indexes = makeJobIndexes
	}
	for _, statement := range []string{bareTable, indexes} {
		if _, err := s.bed.store.Pool().Exec(ctx, statement, pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
	}
	if err := s.receive(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.receivers.close()) }()
	for _, part := range []struct {
		name    string
		measure func(context.Context) error
	}{
		{rowBacklog, s.backlogs},
		{rowLatency, s.isolation},
		{rowKilled, s.killed},
	} {
		if s.Only != "" && s.Only != part.name {
			continue
		}
		if err := part.measure(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

// River's own migrations make these indexes, and ours drop them.
const (
	makeJobIndexes = `
		CREATE INDEX IF NOT EXISTS river_job_args_index ON river_job USING gin (args);
		CREATE INDEX IF NOT EXISTS river_job_metadata_index ON river_job USING gin (metadata)`
	dropJobIndexes = `DROP INDEX IF EXISTS river_job_args_index, river_job_metadata_index`
)

// The rows of the suite, as --floor, --ceiling and --only name them.
const (
	rowBacklog = "backlog"
	rowLatency = "latency"
	rowOthers  = "others"
	rowKilled  = "killed"
)

// arrivalPatience is for how long nothing new may arrive before what is missing
// counts as lost: longer than what a process died over is left alone.
const arrivalPatience = 75 * time.Second

// backlogs compares how fast a backlog is worked off.
func (s *suite) backlogs(ctx context.Context) error {
	all := []figures{{name: baselineRiver}, {name: oursName, ours: true}}
	for round := range s.Rounds {
		for i := range all {
			f := &all[i]
			progress("%s, round %d of %d: %s", rowBacklog, round+1, s.Rounds, f.name)
			if err := s.workOff(ctx, f, round); err != nil {
				return err
			}
			f.ratio = append(f.ratio, f.perSecond[round]/all[0].perSecond[round])
		}
	}
	s.expect(rowBacklog, median(all[1].ratio), 0)
	return s.print(rowBacklog, all)
}

// workOff measures one contender once.
func (s *suite) workOff(ctx context.Context, f *figures, round int) error {
	if err := s.forget(ctx); err != nil {
		return err
	}
	s.receivers.reset(time.Time{})
	prefix := fmt.Sprintf("d%d-%d-", s.bed.Runs, round)
	prepare, serve := s.bareJobs, func(ctx context.Context) (*child, error) { return s.serveBaseline(ctx, baselineRiver) }
	if f.ours {
		prepare, serve = s.backlog, s.serveDelivering
	}
	if err := prepare(ctx, s.Deliveries, prefix); err != nil {
		return err
	}
	// Statistics of an empty queue would have it scanned for each job.
	if _, err := s.bed.store.Pool().Exec(ctx, `VACUUM ANALYZE river_job`); err != nil {
		return err
	}
	postgres, own := s.bed.cpuOfPostgres(), cpuOf(os.Getpid())
	worker, err := serve(ctx)
	if err != nil {
		return err
	}
	profiled := s.profile(ctx, &contender{ours: f.ours}, rowBacklog, round)
	t, err := s.receivers.await(ctx, s.Deliveries, arrivalPatience)
	f.server += cpuOf(worker.cmd.Process.Pid)
	f.postgres += s.bed.cpuOfPostgres() - postgres
	f.loads += cpuOf(os.Getpid()) - own
	if err = errors.Join(err, profiled(), worker.stop()); err != nil {
		return err
	}
	if t.repeated > 0 {
		return fmt.Errorf("%d requests were made twice", t.repeated)
	}
	f.requests += t.events
	f.perSecond = append(f.perSecond, float64(t.events)/t.last.Sub(t.first).Seconds())
	if f.ours {
		return s.auditDeliveries(ctx, prefix, s.Deliveries)
	}
	return nil
}

// serveDelivering starts the program as it is served, and lets it reach the
// receivers.
func (s *suite) serveDelivering(ctx context.Context) (*child, error) {
	return s.serveProgram(ctx, []string{"PROOFBACK_OUTBOUND_ALLOW=127.0.0.0/8"}, "serve")
}

// auditDeliveries wants n deliveries of events, each delivered by one attempt.
func (s *suite) auditDeliveries(ctx context.Context, prefix string, n int) error {
	var all, delivered, attempts int
	err := s.bed.store.Pool().QueryRow(ctx, `
		SELECT count(*), count(*) FILTER (WHERE d.status = 'DELIVERED'), coalesce(sum(d.attempts), 0)
		FROM conversions AS c
		JOIN deliveries AS d ON d.conversion_id = c.id
		WHERE c.txid LIKE $1`, prefix+"%").Scan(&all, &delivered, &attempts)
	if err == nil && (all != n || delivered != n || attempts != n) {
		err = fmt.Errorf("of %d events %d have a delivery, %d of them delivered, with %d attempts", n, all, delivered, attempts)
	}
	return err
}
