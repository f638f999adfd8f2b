package db_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// What the terms before, which had no cap, let through may be on its way while the first
// sale of a new cap has what there is counted: it counts as if it had come before.
func TestANewCapCountsWhatIsOnItsWay(t *testing.T) {
	t.Parallel()
	for name, onItsWay := range map[string]func(click string) string{
		"a sale":      func(click string) string { return sale(click, "on its way", "100") },
		"a rejection": func(click string) string { return sale(click, "stored before", "100") + "&status=rejected" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			uncapped := d.click(t)
			d.decide(t, sale(uncapped, "stored before", "100"))
			d.putTerms(t, func(terms *proofback.Terms) {
				terms.Caps = []proofback.Cap{{Metric: proofback.CapConversions, Period: proofback.CapMonthly, Limit: "9"}}
			})
			capped := d.click(t)

			stop, err := d.store.Pool().Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := stop.Exec(t.Context(), `LOCK TABLE transitions IN SHARE MODE`); err != nil {
				t.Fatal(err)
			}
			const stopped = `SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'transitions'::regclass`
			var wg sync.WaitGroup
			wg.Go(func() { d.decide(t, onItsWay(uncapped)) })
			d.await(t, `SELECT (`+stopped+`) = 1`)
			wg.Go(func() { d.decide(t, sale(capped, "the first of the cap", "100")) })
			d.await(t, `SELECT (`+stopped+`) = 2 OR EXISTS (SELECT FROM cap_usage)`)
			if err := stop.Rollback(context.WithoutCancel(t.Context())); err != nil {
				t.Fatal(err)
			}
			wg.Wait()
			there := d.count(t, `SELECT count(*) FROM conversions WHERE status <> 'REJECTED'`)
			if n := d.count(t, `SELECT used::int FROM cap_usage WHERE counted`); n != there {
				t.Errorf("%d places are taken, %d conversions are there", n, there)
			}
		})
	}
}

// A process that ended while it counted leaves a counter that holds only what came since:
// nobody is told of it or limited by it before it is counted.
func TestACounterThatNobodyCountedIsCountedByTheNext(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.decide(t, sale(d.click(t), "1", "100"), sale(d.click(t), "2", "100"))
	d.putTerms(t, func(terms *proofback.Terms) {
		terms.Caps = []proofback.Cap{{Metric: proofback.CapPayout, Period: proofback.CapTotal, Limit: "10.50"}} // 3.50 each
	})
	total := proofback.CapTotal.Span(time.Now(), time.UTC)
	if _, err := d.store.Pool().Exec(t.Context(), `
		INSERT INTO cap_usage (offer_id, metric, period, starts, used, counted)
		VALUES ($1, 'PAYOUT', 'TOTAL', $2, 0, false)`, d.offer, total.From); err != nil {
		t.Fatal(err)
	}
	used, err := d.store.CapsUsed(t.Context(), proofback.System(), []uuid.UUID{d.offer})
	if err != nil || used[d.offer][0].Cmp("7") != 0 {
		t.Errorf("%v of the cap are used, %v, want 7", used[d.offer], err)
	}
	for i, want := range []proofback.Reason{proofback.ReasonAccepted, proofback.ReasonCapReached} {
		if p := d.decide(t, sale(d.click(t), "then "+string(rune('0'+i)), "100"))[0]; p.Reason != want {
			t.Errorf("%s: %s, want %s", p.Reason, p.Message, want)
		}
	}
	if n := d.count(t, `SELECT count(*) FROM cap_usage WHERE counted AND used = 10.5`); n != 1 {
		t.Error("the counter is not counted")
	}
}

// await waits until a condition holds.
func (d *desk) await(t *testing.T, condition string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		rows, _ := d.store.Pool().Query(ctx, condition)
		ok, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[bool])
		switch {
		case err != nil:
			t.Fatalf("waiting for %s: %v", condition, err)
		case ok:
			return
		}
		<-tick.C
	}
}
