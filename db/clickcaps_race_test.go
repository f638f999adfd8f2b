package db_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// The clicks that are between their rows and their COMMIT, and whoever makes a counter and
// waits for them.
const (
	here       = `database = (SELECT oid FROM pg_database WHERE datname = current_database())` // others' tables have the same numbers
	leaves     = `SELECT relid FROM pg_partition_tree('clicks') WHERE isleaf`
	heldCopies = `SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'RowExclusiveLock' AND ` + here + ` AND relation IN (` + leaves + `)`
	isWaiting  = `EXISTS (
		SELECT
		FROM pg_stat_activity
		WHERE datname = current_database()
		AND (query LIKE '%virtualtransaction = ' || 'ANY%' OR wait_event = 'transactionid'))`
)

// holdCopies has every COPY into clicks begin, and wait for the test before it commits.
func holdCopies(t testing.TB, store *db.Store) (release func()) {
	t.Helper()
	tx, err := store.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var lock string
	err = tx.QueryRow(t.Context(), `SELECT 'LOCK TABLE ' || string_agg(relid::text, ', ') || ' IN SHARE MODE' FROM (`+leaves+`) AS l`).Scan(&lock)
	if err == nil {
		_, err = tx.Exec(t.Context(), lock)
	}
	if err != nil {
		t.Fatal(err)
	}
	release = sync.OnceFunc(func() { _ = tx.Rollback(context.Background()) })
	t.Cleanup(release)
	return release
}

// capClicks gives the offer terms with caps on clicks, by period.
func (d *desk) capClicks(t *testing.T, periods ...proofback.CapPeriod) {
	t.Helper()
	d.putTerms(t, func(terms *proofback.Terms) {
		terms.Caps = nil
		for _, p := range periods {
			terms.Caps = append(terms.Caps, clickCap(p, "9"))
		}
	})
}

// process is one that stores clicks by the set-up of when it was made.
type process struct {
	writer *db.ClickWriter
	terms  uuid.UUID
}

func (d *desk) process(t *testing.T) *process {
	t.Helper()
	return &process{newWriter(t, sameDatabase(t, d.store), db.ClickWriterConfig{Timeout: 30 * time.Second}), d.terms.ID}
}

// click stores a click under the terms that the process knows.
func (d *desk) clickAt(t *testing.T, p *process, at time.Time) {
	c := d.visitAt(t, at)
	c.TermsID = p.terms
	if err := p.writer.Write(context.WithoutCancel(t.Context()), &c); err != nil || c.Outcome != proofback.ClickRedirected {
		t.Errorf("%s, %v", c.Outcome, err)
	}
}

// wantCounted fails the test unless each counter by a calendar holds what is stored.
func (d *desk) wantCounted(t *testing.T, zone string, counters int) {
	t.Helper()
	const byCalendar = `(u.period = 'TOTAL' OR (u.starts AT TIME ZONE $1)::time = '00:00')`
	if n := d.count(t, `SELECT count(*) FROM cap_usage AS u WHERE counted AND `+byCalendar, zone); n != counters {
		t.Errorf("%d counters are counted, want %d", n, counters)
	}
	rows, err := d.store.Pool().Query(t.Context(), `
		SELECT u.period || ' from ' || u.starts, u.used::int, (
			SELECT count(*)
			FROM clicks AS c
			WHERE c.offer_id = u.offer_id
			AND c.outcome = 0
			AND c.at >= u.starts
			AND (u.period = 'TOTAL' OR c.at < (u.starts AT TIME ZONE $1 + ('1 ' || CASE u.period WHEN 'DAILY' THEN 'day' ELSE 'month' END)::interval) AT TIME ZONE $1))
		FROM cap_usage AS u
		WHERE `+byCalendar, zone)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var of string
		var used, stored int
		if err := rows.Scan(&of, &used, &stored); err != nil {
			t.Fatal(err)
		}
		if used != stored {
			t.Errorf("%s: %d places are taken, %d clicks are there", of, used, stored)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// A click that is on its way while a counter is made counts for it, whether whoever stores
// it has heard of the cap or not.
func TestANewCounterOfClicksHasThoseOnTheirWay(t *testing.T) {
	t.Parallel()
	const zone = "America/St_Johns"
	at, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	midnight := proofback.CapDaily.Span(time.Now(), at).From
	daily, total := proofback.CapDaily, proofback.CapTotal
	for name, c := range map[string]struct {
		before, after []proofback.CapPeriod
		onTheirWay    []time.Time
		change        string // once both know of their terms
		counters      int
	}{
		"a cap is added to an offer": {nil, []proofback.CapPeriod{total}, []time.Time{midnight}, ``, 1},
		"a cap by day is added to one in all": {
			[]proofback.CapPeriod{total}, []proofback.CapPeriod{total, daily}, []time.Time{midnight}, ``, 2,
		},
		"a day begins": {
			[]proofback.CapPeriod{total},
			[]proofback.CapPeriod{daily},
			[]time.Time{midnight.Add(-time.Millisecond), midnight, midnight.Add(time.Millisecond)},
			``, 2,
		},
		"a counter was deleted": {
			[]proofback.CapPeriod{total}, []proofback.CapPeriod{daily}, []time.Time{midnight}, `DELETE FROM cap_usage WHERE period = 'DAILY'`, 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.exec(t, `UPDATE advertisers SET time_zone = $1`, zone)
			d.exec(t, `UPDATE offers SET created_at = $1`, midnight.AddDate(0, -1, 0))
			d.capClicks(t, c.before...)
			old := d.process(t)
			d.clickAt(t, old, midnight)
			d.capClicks(t, c.after...)
			if c.change != "" {
				d.clickAt(t, d.process(t), midnight)
				d.exec(t, c.change)
			}
			young := d.process(t)

			release := holdCopies(t, d.store)
			var wg sync.WaitGroup
			wg.Go(func() {
				var each sync.WaitGroup
				for _, at := range c.onTheirWay {
					each.Go(func() { d.clickAt(t, old, at) })
				}
				each.Wait()
			})
			d.await(t, `SELECT (`+heldCopies+`) = 1`)
			wg.Go(func() { d.clickAt(t, young, midnight) })
			d.await(t, `SELECT (`+heldCopies+`) = 2 OR `+isWaiting)
			release()
			wg.Wait()
			d.wantCounted(t, zone, c.counters)
		})
	}
}

// What a spool moves into the database while a counter is made counts for it.
func TestANewCounterOfClicksHasThoseOfASpool(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	d := newDesk(t, func(c *db.Config) { c.URL = url })
	if _, err := d.store.MakePartitions(t.Context(), time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
	proxy := dbtest.NewProxy(t, url)
	n := newNode(t, proxy.URL(), t.TempDir())
	proxy.Cut()
	for range 3 {
		d.clickAt(t, &process{n.writer, d.terms.ID}, time.Now())
	}
	d.capClicks(t, proofback.CapTotal)
	young := d.process(t)
	release := holdCopies(t, d.store)
	proxy.Mend()
	d.await(t, `SELECT (`+heldCopies+`) = 1`)
	var wg sync.WaitGroup
	wg.Go(func() { d.clickAt(t, young, time.Now()) })
	d.await(t, `SELECT (`+heldCopies+`) = 2 OR `+isWaiting)
	release()
	wg.Wait()
	n.wantDrained(t)
	d.wantCounted(t, "UTC", 1)
}

// Whoever stores clicks that count says so before looking for counters: one that is made
// in between would have neither the clicks nor somebody to wait for.
func TestClicksAreOnTheirWayBeforeTheirCountersAreLookedFor(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.capClicks(t, proofback.CapTotal)
	p := d.process(t)
	d.clickAt(t, p, time.Now()) // makes the counter

	tx, err := d.store.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	if _, err := tx.Exec(t.Context(), `LOCK TABLE ONLY clicks IN SHARE MODE`); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { d.clickAt(t, p, time.Now()) })
	d.await(t, `SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND mode = 'RowExclusiveLock' AND `+here+` AND relation = 'clicks'::regclass)`)
	if _, err := tx.Exec(t.Context(), `SELECT FROM cap_usage WHERE counted FOR UPDATE NOWAIT`); err != nil {
		t.Errorf("the counter is held by a click that nobody sees: %v", err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	d.wantCounted(t, "UTC", 1)
}
