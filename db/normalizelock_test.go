package db_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// Whoever moves conversions holds their counters first. Here a move waits for its counter when
// the rate comes.
func TestARateThatComesDoesNotStandInTheWayOfWhoeverMoves(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.putTerms(t, func(terms *proofback.Terms) {
		terms.Goals[0].Payout = proofback.Price{Model: proofback.PricePercent, Percent: "10"}
		terms.Caps = []proofback.Cap{{Metric: proofback.CapConversions, Period: proofback.CapTotal, Limit: "100"}}
	})
	made := d.decide(t, fmt.Sprintf("event_type=sale&txid=1&currency=USD&amount=1000&click_id=%s", d.click(t)))[0]
	if made.ConversionID == uuid.Nil {
		t.Fatal(made.Message)
	}
	if _, err := d.store.StoreECBFeed(t.Context(), proofback.System(), feed(now().AddDate(0, 0, -1), `<Cube currency='USD' rate='1.25'/>`)); err != nil {
		t.Fatal(err)
	}
	held, err := d.store.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if tag, err := held.Exec(t.Context(), `SELECT FROM cap_usage FOR UPDATE`); err != nil || tag.RowsAffected() == 0 {
		t.Fatal(tag, err)
	}
	waiting := func(n int) {
		eventually(t, 30*time.Second, "both wait", func() bool { return d.count(t, locksWaitedFor) >= n })
	}
	ended := make(chan error, 2)
	go func() {
		moved, problems, err := d.store.MoveConversions(t.Context(), proofback.System(), []uuid.UUID{made.ConversionID}, approved, "because")
		if err == nil && len(moved) != 1 {
			err = problems.Err()
		}
		ended <- err
	}()
	waiting(1)
	go func() {
		_, err := d.store.NormalizeWaiting(t.Context(), proofback.System(), d.setup)
		ended <- err
	}()
	waiting(2)
	if err := held.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if n := d.count(t, `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`); n != 0 {
		t.Errorf("%d deadlocks", n)
	}
}
