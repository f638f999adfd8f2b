package db_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// A cap is never exceeded by one, and never leaves a place unused, however many
// race for it.
func TestCapsAreExactWhoeverRaces(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cap  proofback.Cap
		want int
	}{
		{proofback.Cap{Metric: proofback.CapConversions, Period: proofback.CapDaily, Limit: "20"}, 20},
		{proofback.Cap{Metric: proofback.CapPayout, Period: proofback.CapTotal, Limit: "36.99"}, 10}, // 3.50 each
	} {
		t.Run(c.cap.String(), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.putTerms(t, func(terms *proofback.Terms) { terms.Caps = []proofback.Cap{c.cap} })
			click := d.click(t)
			deciders := []*db.Decider{
				d.store.NewDecider(d.setup, db.DeciderConfig{Writers: 3, MaxBatch: 5}),
				d.store.NewDecider(d.setup, db.DeciderConfig{Writers: 3, MaxBatch: 5}),
			}
			var wg sync.WaitGroup
			var mu sync.Mutex
			reasons := map[proofback.Reason]int{}
			for s := range 16 {
				wg.Go(func() {
					for i := range 10 {
						p, err := deciders[i%2].Decide(d.incoming(sale(click, fmt.Sprint(s, "-", i), "100")))
						if err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						reasons[p.Reason]++
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			for _, decider := range deciders {
				decider.Close()
			}
			if reasons[proofback.ReasonAccepted] != c.want || reasons[proofback.ReasonCapReached] != 160-c.want {
				t.Errorf("reasons %v, want %d accepted and the rest over the cap", reasons, c.want)
			}
			if n := d.count(t, `SELECT count(*) FROM conversions WHERE status <> 'REJECTED'`); n != c.want {
				t.Errorf("%d conversions count, want %d", n, c.want)
			}
			if n := d.count(t, `SELECT count(*) FROM conversions WHERE status = 'REJECTED' AND reason = 'CAP_REACHED'`); n != 160-c.want {
				t.Errorf("%d are kept as over the cap, want %d", n, 160-c.want)
			}
		})
	}
}

func TestARejectionGivesItsPlaceBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	click := d.click(t)
	d.decide(t, sale(click, "before the cap", "100"))
	d.putTerms(t, func(terms *proofback.Terms) {
		terms.Caps = []proofback.Cap{{Metric: proofback.CapConversions, Period: proofback.CapMonthly, Limit: "2"}}
	})
	click = d.click(t)
	log := d.decide(t,
		sale(click, "1", "100"),
		sale(click, "2", "100"),
		sale(click, "1", "100")+"&status=rejected",
		sale(click, "3", "100"),
		sale(click, "4", "100"))
	want := []proofback.Reason{proofback.ReasonAccepted, proofback.ReasonCapReached, proofback.ReasonStatusUpdated, proofback.ReasonAccepted, proofback.ReasonCapReached}
	for i, p := range log {
		if p.Reason != want[i] {
			t.Errorf("request %d: %s (%s), want %s", i, p.Reason, p.Message, want[i])
		}
	}
	if n := d.count(t, `SELECT used::int FROM cap_usage`); n != 2 {
		t.Errorf("%d places are taken, want 2", n)
	}
}

// A counter is made for what a cap may limit, not for each day that somebody names who has
// seen a click id.
func TestWhatIsRefusedAnywayMakesNoCounters(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.putTerms(t, func(terms *proofback.Terms) {
		terms.Caps = []proofback.Cap{{Metric: proofback.CapConversions, Period: proofback.CapDaily, Limit: "2"}}
	})
	click := d.click(t)
	for i := range 20 {
		// Half of them are decided alone.
		queries := []string{sale(click, fmt.Sprint(i), "100") + "&timestamp=" + time.Now().AddDate(0, 0, -30*i-3).UTC().Format(time.RFC3339), "click_id=nonsense"}
		if p := d.decide(t, queries[:1+i%2]...)[0]; p.Reason != proofback.ReasonOutsideWindow {
			t.Errorf("%s: %s", p.Reason, p.Message)
		}
	}
	d.decide(t, sale(click, "a", "100")+"&timestamp="+time.Now().AddDate(0, 0, 3).UTC().Format(time.RFC3339))
	d.decide(t, sale(click, "b", "a lot"))
	d.exec(t, `UPDATE advertisers SET security_mode = 'TOKEN'`)
	if err := d.setup.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p := d.decide(t, sale(click, "c", "100"))[0]; p.Reason != proofback.ReasonTokenInvalid {
		t.Errorf("%s: %s", p.Reason, p.Message)
	}
	if n := d.count(t, `SELECT count(*) FROM cap_usage`); n != 0 {
		t.Errorf("%d counters", n)
	}
}

// One that is about a conversion of long ago gives its place back all the same.
func TestARejectionWithAnotherTimeGivesThePlaceBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.putTerms(t, func(terms *proofback.Terms) {
		terms.Caps = []proofback.Cap{{Metric: proofback.CapConversions, Period: proofback.CapTotal, Limit: "1"}}
	})
	click := d.click(t)
	d.decide(t, sale(click, "1", "100"))
	p := d.decide(t, sale(click, "1", "100")+"&status=rejected&timestamp="+time.Now().AddDate(0, 0, -30).UTC().Format(time.RFC3339))[0]
	if p.Reason != proofback.ReasonStatusUpdated {
		t.Errorf("%s: %s", p.Reason, p.Message)
	}
	if p := d.decide(t, sale(click, "2", "100"))[0]; p.Reason != proofback.ReasonAccepted {
		t.Errorf("%s: %s", p.Reason, p.Message)
	}
}

func TestALaterRejectionGivesItsPayoutBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.putTerms(t, func(terms *proofback.Terms) {
		terms.Caps = []proofback.Cap{{Metric: proofback.CapPayout, Period: proofback.CapTotal, Limit: "3.50"}}
	})
	click := d.click(t)
	d.decide(t, sale(click, "1", "100"))
	d.decide(t, sale(click, "1", "100")+"&status=rejected")
	if p := d.decide(t, sale(click, "2", "100"))[0]; p.Reason != proofback.ReasonAccepted {
		t.Errorf("%s: %s", p.Reason, p.Message)
	}
	if n := d.count(t, `SELECT (used * 100)::int FROM cap_usage`); n != 350 {
		t.Errorf("%d cents are taken, want 350", n)
	}
}

func TestAmountsAreNormalisedAtTheRateOfTheirDay(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.store.SetEnqueuer(nobody{})
	if n, err := d.store.LoadShippedRates(t.Context(), proofback.System()); err != nil || n < 200_000 {
		t.Fatalf("%d rates, %v", n, err)
	}
	if n, err := d.store.LoadShippedRates(t.Context(), proofback.System()); err != nil || n != 0 {
		t.Fatalf("again: %d rates, %v", n, err)
	}
	// A click of 2026: the last published day that ships is 2026-07-21.
	d.exec(t, `INSERT INTO rates (currency, day, per_euro, source) VALUES ('USD', (now() AT TIME ZONE 'UTC')::date - 2, 1.25, 'TEST') ON CONFLICT DO NOTHING`)
	d.putTerms(t, func(terms *proofback.Terms) {
		terms.Goals[0].Payout = proofback.Price{Model: proofback.PricePercent, Percent: "10"}
		terms.Goals[0].MinimumAmount = proofback.Money{Amount: "80", Currency: "EUR"}
	})
	click := d.click(t)
	log := d.decide(t,
		"event_type=sale&txid=1&currency=USD&amount=100.10&click_id="+click, // 80.08 EUR
		"event_type=sale&txid=2&currency=USD&amount=99.99&click_id="+click,
		"event_type=sale&txid=3&currency=VND&amount=9999999&click_id="+click)
	for i, want := range []proofback.Reason{proofback.ReasonAccepted, proofback.ReasonBelowThreshold, proofback.ReasonAwaitingRate} {
		if log[i].Reason != want {
			t.Errorf("request %d: %s (%s), want %s", i, log[i].Reason, log[i].Message, want)
		}
	}
	// 10.01 USD at 1.25 is 8.008 euros.
	if n := d.count(t, `SELECT count(*) FROM conversions WHERE txid = '1' AND payout = 10.01 AND normal_payout = 8.01 AND normal_currency = 'EUR' AND rate_source = 'TEST'`); n != 1 {
		t.Error("the conversion is not normalised at the day's rate")
	}
}
