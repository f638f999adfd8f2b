package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/server/bench/load"
)

// upkeep measures what rolling up costs, in CPU time, beside what it costs to take
// a click in: a day is told again, with the job looking every quarter hour.
func (s *suite) upkeep(ctx context.Context) error {
	each, err := s.upkeepOfClicks(ctx)
	if err != nil {
		return err
	}
	change, err := s.upkeepOfConversions(ctx)
	if err != nil {
		return err
	}
	noted, inserted, err := s.upkeepOfInserts(ctx)
	if err != nil {
		return err
	}
	ingest, err := s.ingest(ctx)
	if err != nil {
		return err
	}
	share := each.Seconds() / ingest.Seconds()
	_, err = fmt.Fprintf(s.out, "\nCPU time: %s to take in a click, %s to keep it rolled up: %.1f %%\nCPU time: %s to count a changed conversion anew\nCPU time: %s to note a conversion for the counts and hold it to the books, beside %s to insert it\n",
		short(ingest), short(each), 100*share, short(change), short(noted), short(inserted))
	s.expect("upkeep", 1/share, each)
	return err
}

// cpu is what doing something costs here and in Postgres.
func (s *suite) cpu(do func() error) (time.Duration, error) {
	postgres, own := s.bed.cpuOfPostgres(), cpuOfSelf()
	err := do()
	return s.bed.cpuOfPostgres() - postgres + cpuOfSelf() - own, err
}

// upkeepOfClicks is the median of as many turns as there are rounds.
func (s *suite) upkeepOfClicks(ctx context.Context) (each time.Duration, err error) {
	r, err := s.reader(ctx)
	if err != nil {
		return 0, err
	}
	defer r.store.Close()
	now := r.now
	if err := s.bed.settle(ctx); err != nil {
		return 0, err
	}
	turns := make([]time.Duration, s.Rounds)
	for i := range turns {
		r.now = now
		if turns[i], err = s.rollADayUp(ctx, r); err != nil {
			return 0, err
		}
	}
	return median(turns) / time.Duration(s.bed.Market.Each), nil
}

// rollADayUp is what it costs to count the last whole day as it goes on.
func (s *suite) rollADayUp(ctx context.Context, r *reader) (used time.Duration, err error) {
	if _, err := r.store.RollUp(ctx, proofback.System()); err != nil {
		return 0, err
	}
	day := r.now.Truncate(24*time.Hour).AddDate(0, 0, -1)
	var q pgx.Batch
	for _, table := range []string{"rollup_advertisers", "rollup_offers", "rollup_pairs", "rollup_values"} {
		q.Queue(`DELETE FROM `+table+` WHERE day >= $1`, day)
	}
	q.Queue(`UPDATE rollup_state SET rolled_to = $1, looked_to = $1, pairs_to = $1`, day)
	if err := r.store.Pool().SendBatch(ctx, &q).Close(); err != nil {
		return 0, err
	}
	if err := s.bed.rest(ctx); err != nil {
		return 0, err
	}
	steps := 0
	used, err = s.cpu(func() error {
		for r.now = day; r.now.Before(day.Add(24*time.Hour + 15*time.Minute)); {
			r.now = r.now.Add(15 * time.Minute)
			n, err := r.store.RollUp(ctx, proofback.System())
			if err != nil {
				return err
			}
			steps += n
		}
		return nil
	})
	progress("a day was rolled up in %d steps and %s of CPU time", steps, used)
	return used, err
}

// upkeepOfConversions has the conversions of a day change, and counts them anew.
func (s *suite) upkeepOfConversions(ctx context.Context) (each time.Duration, err error) {
	r, err := s.reader(ctx)
	if err != nil {
		return 0, err
	}
	defer r.store.Close()
	if _, err := r.store.RollUp(ctx, proofback.System()); err != nil {
		return 0, err
	}
	tag, err := r.store.Pool().Exec(ctx, `UPDATE conversions SET reason = reason WHERE event_at >= $1 AND rate_date IS NOT NULL`, r.now.AddDate(0, 0, -1))
	if err != nil || tag.RowsAffected() == 0 {
		return 0, errors.Join(err, errors.New("no conversions"))
	}
	used, err := s.cpu(func() error {
		_, err := r.store.RollUp(ctx, proofback.System())
		return err
	})
	return used / time.Duration(tag.RowsAffected()), err
}

// insertConversions inserts copies of conversions one by one, as postbacks that come alone.
const insertConversions = `DO $$
	DECLARE
		c conversions;
	BEGIN
		FOR c IN SELECT * FROM conversions WHERE txid IS NOT NULL AND rate_date IS NOT NULL LIMIT %d LOOP
			c.id := gen_random_uuid();
			c.txid := c.id::text;
			INSERT INTO conversions SELECT c.*;
		END LOOP;
	END $$`

// upkeepOfInserts is what it takes to note a conversion that is new, so that it will be
// counted, and to hold it against the closed months, which the same trigger does; and what
// it takes to insert it otherwise. Nothing is left of it.
func (s *suite) upkeepOfInserts(ctx context.Context) (noted, inserted time.Duration, err error) {
	const times = 3
	var copies time.Duration
	var all [2]time.Duration // without and with the trigger
	err = s.bed.store.Pool().QueryRow(ctx, `SELECT least(count(*), 10000) FROM conversions WHERE txid IS NOT NULL AND rate_date IS NOT NULL`).Scan(&copies)
	if err != nil || copies == 0 {
		return 0, 0, errors.Join(err, errors.New("no conversions"))
	}
	for i := range 2 * times {
		with := i % 2
		err := pgx.BeginFunc(ctx, s.bed.store.Pool(), func(tx pgx.Tx) error {
			if with == 0 {
				if _, err := tx.Exec(ctx, `ALTER TABLE conversions DISABLE TRIGGER conversions_inserted`); err != nil {
					return err
				}
			}
			used, err := s.cpu(func() error {
				_, err := tx.Exec(ctx, fmt.Sprintf(insertConversions, copies))
				return err
			})
			if all[with] += used; err != nil {
				return err
			}
			return errNothingIsLeft
		})
		if !errors.Is(err, errNothingIsLeft) {
			return 0, 0, err
		}
	}
	return (all[1] - all[0]) / (copies * times), all[0] / (copies * times), nil
}

var errNothingIsLeft = errors.New("rolled back")

// ingest is the CPU time of a click, in the program and in Postgres.
func (s *suite) ingest(ctx context.Context) (each time.Duration, err error) {
	field, stop, err := s.field(ctx, load.Job{Clicks: &load.ClickTraffic{Codes: s.bed.Codes}}, oursName)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	all, err := s.compare(ctx, "ingest", load.Job{Connections: s.Connections[0]}, field...)
	if err != nil {
		return 0, err
	}
	f := &all[0]
	return (f.server + f.postgres) / time.Duration(f.requests), s.print("ingest", all)
}
