package db_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// sizes are of batches whose rows take each way to Postgres, to both sides of where one
// ends, and of one that no socket holds.
var sizes = []int{1, 2, 32, 33, 400}

func (d *desk) sales(t *testing.T, prefix string, n int) (batch []*db.Incoming) {
	t.Helper()
	for i, click := range d.clicks(t, n) {
		batch = append(batch, d.incoming(sale(click, fmt.Sprintf("%s-%d", prefix, i), "10")))
	}
	return batch
}

// However many are stored together, the rows of each are the same but for what is their own,
// as when the click was made, which the log's checks 6 and 14 tell.
func TestRowsAreTheSameWhicheverWayTheyTake(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.store.SetEnqueuer(nobody{})
	if _, _, err := d.store.CreateDestination(t.Context(), proofback.System(), proofback.Destination{AffiliateID: d.affiliate, URLTemplate: "https://t.example/"}); err != nil {
		t.Fatal(err)
	}
	stored := 0
	for _, n := range sizes {
		log, err := d.store.Decide(t.Context(), d.setup, d.sales(t, fmt.Sprint(n), n))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range log {
			if p.Reason != proofback.ReasonAccepted {
				t.Fatalf("%d together: %s", n, p.Message)
			}
		}
		stored += n
		for table, own := range map[string]string{
			"conversions": `id,click_id,postback_id,txid,event_at,received_at,click_at`,
			"transitions": `id,conversion_id,at,postback_id,xact`,
			"ledger":      `id,at,canonical,salt,xact`,
			"deliveries":  `id,seq,conversion_id,transition_id,click_id,created_at,next_attempt_at`,
			"postbacks":   `id,received_at,url,parameters,click_id,txid,response_body,duration,conversion_id`,
		} {
			from := ` FROM ` + table + ` AS r`
			if table == "ledger" {
				from += ` WHERE kind = 'conversion'`
			}
			if rows := d.count(t, `SELECT count(*)`+from); rows != stored {
				t.Errorf("%d together: %d rows of %s, want %d", n, rows, table, stored)
			}
			if kinds := d.count(t, `SELECT count(DISTINCT regexp_replace((to_jsonb(r) - $1::text[])::text, '\[(6|14), "[^"]*"', '', 'g'))`+from, `{`+own+`}`); kinds != 1 {
				t.Errorf("%d together: %d different rows of %s", n, kinds, table)
			}
		}
		if n := d.count(t, `
			SELECT count(*)
			FROM conversions AS c
			JOIN postbacks AS p ON p.id = c.postback_id AND p.conversion_id = c.id AND p.txid = c.txid AND p.click_id = c.click_id
			JOIN transitions AS t ON t.conversion_id = c.id AND t.postback_id = p.id AND t.at = p.received_at
			JOIN ledger AS l ON l.id = c.id OR l.id = t.id
			JOIN deliveries AS d ON d.conversion_id = c.id AND d.transition_id = t.id AND d.click_id = c.click_id`); n != stored {
			t.Errorf("%d of %d hang together", n, stored)
		}
	}
}

// Somebody else is faster, right before a batch is committed: Postgres refuses a row with
// the others still on their way, and the batch is decided again on the same connection.
func TestABatchThatIsRefusedIsDecidedAgain(t *testing.T) {
	t.Parallel()
	for _, n := range sizes {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			var hook atomic.Pointer[func()]
			url := dbtest.URL(t)
			d := newDesk(t, func(c *db.Config) {
				c.URL = url
				c.Now = func() time.Time {
					if f := hook.Swap(nil); f != nil {
						(*f)()
					}
					return time.Now()
				}
			})
			d.store.SetEnqueuer(nobody{})
			other := dbtest.Open(t, func(c *db.Config) { c.URL = url })
			other.SetEnqueuer(nobody{})
			batch := d.sales(t, "t", n)
			first := *batch[0]
			first.ID = uuid.Must(uuid.NewV7())
			var before, after int
			backend := func(to *int) {
				if err := hotValue(t, d.store, to, `SELECT pg_backend_pid()`); err != nil {
					t.Error(err)
				}
			}
			backend(&before)
			faster := func() {
				log, err := other.Decide(t.Context(), d.setup, []*db.Incoming{&first})
				if err != nil || log[0].Reason != proofback.ReasonAccepted {
					t.Errorf("%+v, %v", log, err)
				}
			}
			hook.Store(&faster)
			log, err := d.store.Decide(t.Context(), d.setup, batch)
			if err != nil {
				t.Fatal(err)
			}
			if hook.Load() != nil {
				t.Error("nobody was faster")
			}
			for i, p := range log {
				want := proofback.ReasonAccepted
				if i == 0 {
					want = proofback.ReasonDuplicate
				}
				if p.Reason != want {
					t.Errorf("request %d: %s", i, p.Message)
				}
			}
			if stored := d.count(t, `SELECT count(*) FROM conversions`); stored != n {
				t.Errorf("%d conversions", stored)
			}
			if backend(&after); after != before {
				t.Errorf("on connection %d after %d", after, before)
			}
		})
	}
}
