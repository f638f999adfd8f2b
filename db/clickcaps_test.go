package db_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// sameDatabase opens another Store on the database of one, as another process has.
func sameDatabase(t testing.TB, store *db.Store) *db.Store {
	return dbtest.Open(t, func(c *db.Config) { c.URL = store.Pool().Config().ConnString() })
}

func clickCap(period proofback.CapPeriod, limit proofback.Decimal) proofback.Cap {
	return proofback.Cap{Metric: proofback.CapClicks, Period: period, Limit: limit}
}

// visitAt is a visitor's click under the terms in force.
func (n *network) visitAt(t testing.TB, at time.Time) proofback.Click {
	t.Helper()
	id := newID(t)
	floor := proofback.UUIDFloor(at)
	copy(id[:6], floor[:6])
	return proofback.Click{
		ID: id, At: proofback.UUIDTime(id), LinkID: newID(t), OfferID: n.offer, AffiliateID: n.affiliate,
		AdvertiserID: n.advertiser, TermsID: n.terms.ID, Device: proofback.DeviceMobile,
	}
}

// insert stores clicks made at these moments and gives what they came to.
func (n *network) insert(t testing.TB, at ...time.Time) []proofback.ClickOutcome {
	t.Helper()
	clicks := make([]proofback.Click, len(at))
	for i := range at {
		clicks[i] = n.visitAt(t, at[i])
	}
	if err := n.store.InsertClicks(t.Context(), proofback.System(), clicks); err != nil {
		t.Fatal(err)
	}
	outcomes := make([]proofback.ClickOutcome, len(at))
	for i, c := range clicks {
		outcomes[i] = c.Outcome
	}
	return outcomes
}

// used is what the API tells of the offer's caps.
func (n *network) used(t testing.TB) []proofback.Decimal {
	t.Helper()
	used, err := n.store.CapsUsed(t.Context(), proofback.System(), []uuid.UUID{n.offer})
	if err != nil {
		t.Fatal(err)
	}
	return used[n.offer]
}

// A cap on clicks is never exceeded by one, and never leaves a place unused,
// however many race for it on however many processes.
func TestClickCapsAreExactWhoeverRaces(t *testing.T) {
	t.Parallel()
	for _, caps := range [][]proofback.Cap{
		{clickCap(proofback.CapTotal, "100")},
		{clickCap(proofback.CapMonthly, "5000"), clickCap(proofback.CapTotal, "100")},
	} {
		d := newDesk(t)
		d.putTerms(t, func(terms *proofback.Terms) { terms.Caps = caps })
		var outcomes sync.Map
		var landed, refused atomic.Int64
		var all sync.WaitGroup
		for _, store := range []*db.Store{d.store, sameDatabase(t, d.store)} {
			w := newWriter(t, store, db.ClickWriterConfig{Writers: 2, Timeout: 30 * time.Second})
			for range 8 {
				all.Go(func() {
					for i := range 30 {
						c := d.visitAt(t, time.Now())
						if c.Bot = i%10 == 0; i%10 == 1 {
							c.Outcome = proofback.ClickDeviceOffTarget
						}
						if err := w.Write(t.Context(), &c); err != nil {
							t.Error(err)
							return
						}
						outcomes.Store(c.ID, c.Outcome)
						switch {
						case c.Bot && c.Outcome != proofback.ClickRedirected, i%10 == 1 && c.Outcome != proofback.ClickDeviceOffTarget:
							t.Errorf("a click that does not count came to %s", c.Outcome)
						case c.Bot, i%10 == 1:
						case c.Outcome == proofback.ClickRedirected:
							landed.Add(1)
						case c.Outcome == proofback.ClickCapReached:
							refused.Add(1)
						}
					}
				})
			}
		}
		all.Wait()
		if landed.Load() != 100 || refused.Load() != 2*8*24-100 {
			t.Errorf("%v: %d landed and %d did not, want 100 and %d", caps, landed.Load(), refused.Load(), 2*8*24-100)
		}
		rows, err := d.store.Pool().Query(t.Context(), `SELECT id, outcome FROM clicks`)
		if err != nil {
			t.Fatal(err)
		}
		var id uuid.UUID
		var stored proofback.ClickOutcome
		if _, err := pgx.ForEachRow(rows, []any{&id, &stored}, func() error {
			if told, ok := outcomes.Load(id); !ok || told != stored {
				t.Errorf("stored as %s, the visitor was treated as %v", stored, told)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if used := d.used(t); used[len(used)-1] != "100" {
			t.Errorf("used: %v", used)
		}
	}
}

func TestClickCapsFollowTheAdvertisersCalendar(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		zone     string
		midnight string // that begins the second day
		day      time.Duration
	}{
		{"Asia/Kolkata", "2026-03-10T18:30:00Z", 24 * time.Hour},
		{"Europe/Berlin", "2026-03-28T23:00:00Z", 23 * time.Hour},
		{"Europe/Berlin", "2026-10-24T22:00:00Z", 25 * time.Hour},
		{"America/Santiago", "2026-09-06T04:00:00Z", 23 * time.Hour}, // the clocks skip midnight
	} {
		t.Run(c.zone+" "+c.midnight, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			midnight, err := time.Parse(time.RFC3339, c.midnight)
			if err != nil {
				t.Fatal(err)
			}
			const tick = time.Millisecond
			d.exec(t, `UPDATE advertisers SET time_zone = $1`, c.zone)
			d.exec(t, `UPDATE offers SET created_at = $1`, midnight.AddDate(0, -1, 0))
			d.insert(t, midnight.Add(-tick), midnight) // before there is a cap: one on each side
			d.putTerms(t, func(terms *proofback.Terms) {
				terms.Caps = []proofback.Cap{clickCap(proofback.CapDaily, "3"), clickCap(proofback.CapMonthly, "100")}
			})
			next := midnight.Add(c.day)
			got := d.insert(t,
				midnight.Add(-3*time.Hour), midnight.Add(-tick), midnight.Add(-tick), // one too many
				midnight, next.Add(-tick), next.Add(-tick), // one too many
				next, next, next, next) // one too many
			for i, outcome := range got {
				want := proofback.ClickRedirected
				if i == 2 || i == 5 || i == 9 {
					want = proofback.ClickCapReached
				}
				if outcome != want {
					t.Errorf("click %d: %s, want %s", i, outcome, want)
				}
			}
			if n := d.count(t, `SELECT count(*) FROM clicks WHERE outcome = 6`); n != 3 {
				t.Errorf("%d are stored as over the cap", n)
			}
		})
	}
}

// The caps of the click's own terms count, whatever has come since, and clicks
// are counted on while no version has a cap.
func TestClicksAreJudgedByTheirOwnTerms(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	landed, reached := proofback.ClickRedirected, proofback.ClickCapReached
	click := func(want ...proofback.ClickOutcome) {
		t.Helper()
		got := d.insert(t, slices.Repeat([]time.Time{time.Now()}, len(want))...)
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%v, want %v", got, want)
				return
			}
		}
	}
	put := func(caps ...proofback.Cap) proofback.Terms {
		d.putTerms(t, func(terms *proofback.Terms) { terms.Caps = caps })
		return d.terms
	}
	d.exec(t, `UPDATE offers SET created_at = 'epoch'`)
	click(landed) // counted when the cap comes
	three := put(clickCap(proofback.CapTotal, "3"))
	click(landed)
	put()
	click(landed, landed) // over the cap that was, and counted
	put(clickCap(proofback.CapTotal, "5"))
	click(landed, reached)
	five := d.terms.ID
	d.terms.ID = three.ID
	click(reached)
	d.terms.ID = five
	put(clickCap(proofback.CapTotal, "6"), clickCap(proofback.CapDaily, "1000"))
	click(landed, reached)
	if used := d.used(t); used[0] != "6" {
		t.Errorf("used: %v", used)
	}
}

func TestALostCounterIsCountedAnew(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.putTerms(t, func(terms *proofback.Terms) { terms.Caps = []proofback.Cap{clickCap(proofback.CapTotal, "2")} })
	w := newWriter(t, d.store, db.ClickWriterConfig{})
	write := func() (proofback.ClickOutcome, error) {
		c := d.visitAt(t, time.Now())
		err := w.Write(t.Context(), &c)
		return c.Outcome, err
	}
	if _, err := write(); err != nil {
		t.Fatal(err)
	}
	d.exec(t, `DELETE FROM cap_usage`)
	if _, err := write(); proofback.CodeOf(err) != proofback.CodeUnavailable {
		t.Fatalf("without a counter: %v", err)
	}
	for _, want := range []proofback.ClickOutcome{proofback.ClickRedirected, proofback.ClickCapReached} {
		if got, err := write(); err != nil || got != want {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
	}
}

// roundTrips counts those to Postgres beside COPY.
type roundTrips struct{ n atomic.Int64 }

func (s *roundTrips) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	s.n.Add(1)
	return ctx
}

func (*roundTrips) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (s *roundTrips) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	s.n.Add(1)
	return ctx
}

func (*roundTrips) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (*roundTrips) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

func TestCapsOfOthersCostAClickNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	plain := d.visitAt(t, time.Now())
	plain.OfferID = newID(t)
	d.putTerms(t, func(terms *proofback.Terms) { terms.Caps = []proofback.Cap{clickCap(proofback.CapTotal, "1000")} })
	var sent roundTrips
	store := dbtest.Open(t, func(c *db.Config) { c.URL, c.Tracer = d.store.Pool().Config().ConnString(), &sent })
	w := newWriter(t, store, db.ClickWriterConfig{})
	// Its counters are told at its start, and then each five seconds.
	eventually(t, 30*time.Second, "its hours are told", func() bool { return d.count(t, `SELECT count(*) FROM click_counts`) > 0 })
	for _, c := range []struct {
		name  string
		click proofback.Click
		want  int64
	}{
		{"the first of a capped offer makes its counter", d.visitAt(t, time.Now()), 6},
		{"a capped offer's locks its counter, and writes it with the commit", d.visitAt(t, time.Now()), 2},
		{"another offer's needs the COPY alone", plain, 0},
	} {
		before := sent.n.Load()
		if err := w.Write(t.Context(), &c.click); err != nil {
			t.Fatal(err)
		}
		if n := sent.n.Load() - before; n != c.want {
			t.Errorf("%s: %d round trips beside the COPY, want %d", c.name, n, c.want)
		}
	}
}
