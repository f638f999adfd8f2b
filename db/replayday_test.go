package db_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// money is everything that replays must not change, as one text.
const money = `
	SELECT md5(coalesce(string_agg(line, E'\n' ORDER BY line), ''))
	FROM (
		SELECT concat_ws(' ', 'conversion', id, status, reason, amount, payout, revenue, normal_payout, event_at) AS line FROM conversions
		UNION ALL
		SELECT concat_ws(' ', 'transition', id, conversion_id, from_status, to_status) FROM transitions
		UNION ALL
		SELECT concat_ws(' ', 'entry', id, encode(canonical, 'hex')) FROM ledger
		UNION ALL
		SELECT concat_ws(' ', 'delivery', id, status) FROM deliveries
		UNION ALL
		SELECT concat_ws(' ', 'cap', metric, period, starts, used) FROM cap_usage
	) AS lines`

// busyDay is a log with everything in it: sales, retries, contradictions, moves,
// garbage, events without a transaction id and over a cap.
func (d *desk) busyDay(t *testing.T) (requests int) {
	t.Helper()
	d.putTerms(t, func(terms *proofback.Terms) {
		terms.Caps = []proofback.Cap{{Metric: proofback.CapConversions, Period: proofback.CapTotal, Limit: "40"}}
	})
	random := rand.New(rand.NewPCG(7, 7))
	clicks := make([]string, 12)
	for i := range clicks {
		clicks[i] = d.click(t)
	}
	var day []string
	for range 400 {
		click, n := clicks[random.IntN(len(clicks))], random.IntN(60)
		txid := fmt.Sprint("t-", n)
		if n%7 == 0 {
			txid = ""
		}
		q := sale(click, txid, fmt.Sprint(10+n))
		switch random.IntN(8) {
		case 0:
			q += "&status=approved"
		case 1:
			q += "&status=rejected"
		case 2:
			q = sale(click, txid, "{amount}")
		case 3:
			q = sale(click[:30], txid, "10")
		case 4:
			q += "&timestamp=1000000000"
		}
		day = append(day, q)
	}
	for len(day) > 0 {
		n := min(len(day), 1+random.IntN(40))
		d.decide(t, day[:n]...)
		requests, day = requests+n, day[n:]
	}
	return requests
}

func (d *desk) money(t *testing.T) (text string) {
	t.Helper()
	if err := d.store.Pool().QueryRow(t.Context(), money).Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}

// replayAll replays the whole log by filter, and counts what was put through.
func (d *desk) replayAll(t *testing.T, dryRun bool) (replayed int) {
	t.Helper()
	r := db.Replay{Filter: &proofback.PostbackFilter{}, DryRun: dryRun}
	for {
		done, err := d.store.ReplayPostbacks(t.Context(), proofback.System(), d.setup, d.keys, r)
		if err != nil {
			t.Fatal(err)
		}
		replayed += len(done.Postbacks) + len(done.Problems)
		if done.Next == nil {
			return replayed
		}
		r = db.Replay{Filter: r.Filter, DryRun: dryRun, After: done.Next}
	}
}

func TestReplayingABusyDayTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.store.SetEnqueuer(nobody{})
	requests := d.busyDay(t)
	before := d.money(t)
	if n := d.count(t, `SELECT count(*) FROM conversions WHERE status <> 'REJECTED'`); n < 20 {
		t.Fatalf("the day was not busy: %d conversions count", n)
	}
	for round := range 2 {
		if n := d.replayAll(t, false); n != requests {
			t.Errorf("round %d put %d of %d requests through the rules", round, n, requests)
		}
		if after := d.money(t); after != before {
			t.Fatalf("round %d changed conversions, transitions, ledger, deliveries or caps", round)
		}
	}
	if n := d.count(t, `SELECT count(*) FROM postbacks WHERE replay_of IS NOT NULL`); n != 2*requests {
		t.Errorf("%d replays are in the log, want %d", n, 2*requests)
	}
}

func TestADryRunTellsWhatWouldBeDecidedAndStoresNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	refused := d.decide(t, sale(d.click(t), "1", "10")+"&status=lead")[0]
	d.exec(t, `UPDATE advertisers SET status_mapping = '[{"from": "lead", "to": "APPROVED"}]'`)
	if err := d.setup.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	done, err := d.store.ReplayPostbacks(t.Context(), proofback.System(), d.setup, d.keys, db.Replay{IDs: []uuid.UUID{refused.ID}, DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	if p := done.Postbacks[0]; p.Reason != proofback.ReasonAccepted || p.ConversionID != uuid.Nil || p.ReplayOf != refused.ID {
		t.Errorf("the dry run says %s, conversion %s", p.Reason, p.ConversionID)
	}
	if n := d.count(t, `SELECT (SELECT count(*) FROM conversions) + (SELECT count(*) FROM postbacks) + (SELECT count(*) FROM ledger WHERE kind = 'conversion')`); n != 1 {
		t.Errorf("a dry run stored something: %d rows", n)
	}
	if log, _ := d.replay(t, refused.ID); log[0].Reason != proofback.ReasonAccepted {
		t.Errorf("the replay itself: %s", log[0].Reason)
	}
}
