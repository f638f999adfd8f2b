package db_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// moveTo changes the calendar of the desk's advertiser.
func (d *desk) moveTo(t testing.TB, zone string) {
	t.Helper()
	_, err := d.store.UpdateAdvertiser(t.Context(), proofback.System(), d.advertiser, func(a *proofback.Advertiser) { a.TimeZone = zone })
	if err != nil {
		t.Fatal(err)
	}
	if err := d.setup.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// sixAcrossZones tries something whose cap is six, while its advertiser's time zone is
// changed and put back: six times it fits, and not once more under either calendar.
func sixAcrossZones[T any](t testing.TB, d *desk, try func(times int, want T), fits, capped T) {
	t.Helper()
	try(1, fits)
	d.moveTo(t, "Asia/Tokyo")
	try(2, fits)
	d.moveTo(t, "UTC")
	try(2, fits)
	d.moveTo(t, "Asia/Tokyo")
	try(1, fits)
	try(1, capped)
	d.moveTo(t, "UTC")
	try(1, capped)
}

// A time zone that was a mistake, and is put right, must not cost a cap what came
// meanwhile.
func TestACapHoldsWhenATimeZoneIsChangedAndPutBack(t *testing.T) {
	t.Parallel()
	for name, decide := range map[string]func(d *desk, query string) proofback.Postback{
		"alone":      func(d *desk, query string) proofback.Postback { return d.decide(t, query)[0] },
		"in a batch": func(d *desk, query string) proofback.Postback { return d.decide(t, query, "click_id=nonsense")[0] },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.putTerms(t, func(terms *proofback.Terms) {
				terms.Caps = []proofback.Cap{{Metric: proofback.CapConversions, Period: proofback.CapMonthly, Limit: "6"}}
			})
			click, n := d.click(t), 0
			sell := func(times int, want proofback.Reason) {
				t.Helper()
				for range times {
					n++
					if p := decide(d, sale(click, fmt.Sprint(n), "100")); p.Reason != want {
						t.Errorf("sale %d: %s, want %s", n, p.Reason, want)
					}
				}
			}
			sixAcrossZones(t, d, sell, proofback.ReasonAccepted, proofback.ReasonCapReached)
			if n := d.count(t, `SELECT count(*) FROM cap_usage WHERE counted AND used <> 6`); n != 0 {
				t.Errorf("%d counters are not at the 6 that there are", n)
			}
		})
	}
}

// Nor may it cost a visitor the way to the offer that there is a place for.
func TestAClickCapHoldsWhenATimeZoneIsChangedAndPutBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.putTerms(t, func(terms *proofback.Terms) { terms.Caps = []proofback.Cap{clickCap(proofback.CapMonthly, "6")} })
	if err := d.setup.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	w, err := d.store.NewClickWriter(t.Context(), d.setup, db.ClickWriterConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeWriter(t, w)
	visit := func(times int, want proofback.ClickOutcome) {
		t.Helper()
		for range times {
			c := d.visitAt(t, time.Now())
			if err := w.Write(t.Context(), &c); err != nil || c.Outcome != want {
				t.Errorf("%s, want %s: %v", c.Outcome, want, err)
			}
		}
	}
	sixAcrossZones(t, d, visit, proofback.ClickRedirected, proofback.ClickCapReached)
}

// What is only looked at is judged by the same counters.
func TestAPreviewKnowsWhatCameUnderAnotherCalendar(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.putTerms(t, func(terms *proofback.Terms) {
		terms.Caps = []proofback.Cap{{Metric: proofback.CapConversions, Period: proofback.CapMonthly, Limit: "2"}}
	})
	click := d.click(t)
	refused := d.decide(t, sale(click, "1", "100")+"&status=lead")[0]
	d.decide(t, sale(click, "2", "100"))
	d.moveTo(t, "Asia/Tokyo")
	d.decide(t, sale(click, "3", "100"))
	d.moveTo(t, "UTC")
	d.exec(t, `UPDATE advertisers SET status_mapping = '[{"from": "lead", "to": "APPROVED"}]'`)
	if err := d.setup.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := d.store.ReplayPostbacks(t.Context(), proofback.System(), d.setup, d.keys, db.Replay{IDs: []uuid.UUID{refused.ID}, DryRun: true})
	if err != nil || len(r.Postbacks) != 1 {
		t.Fatal(r, err)
	}
	if p := r.Postbacks[0]; p.Reason != proofback.ReasonCapReached {
		t.Errorf("%s: %s", p.Reason, p.Message)
	}
}
