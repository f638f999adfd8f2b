package db_test

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/proofback/proofback"
)

// What goes to Postgres in its own binary form comes back from it as text.
func TestAmountsAreStoredAsTheyWereSent(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	click := d.click(t)
	d.exec(t, `INSERT INTO rates (currency, day, per_euro, source) VALUES ('USD', current_date, 1.25, 'TEST')`)
	rapid.Check(t, func(rt *rapid.T) {
		sent := rapid.SliceOfN(rapid.StringMatching(`[0-9]{1,12}(\.[0-9]{1,6})?`), 1, 20).Draw(rt, "amounts")
		run := rand.Uint64()
		queries := make([]string, len(sent))
		for i, amount := range sent {
			queries[i] = sale(click, fmt.Sprintf("%x-%d", run, i), amount)
			if i%3 == 0 {
				queries[i] = strings.Replace(queries[i], "EUR", "USD", 1)
			}
		}
		log := d.decide(t, queries...)
		made := make([]uuid.UUID, len(log))
		for i, p := range log {
			if p.Reason != proofback.ReasonAccepted {
				rt.Fatalf("%s: %s", sent[i], p.Message)
			}
			made[i] = p.ConversionID
		}
		var wrong []string
		err := d.store.Pool().QueryRow(t.Context(), `
			SELECT coalesce(array_agg(u.sent || ' is stored as ' || c.amount), '{}')
			FROM unnest($1::uuid[], $2::text[]) AS u (id, sent)
			LEFT JOIN conversions AS c ON c.id = u.id
			WHERE (c.amount = u.sent::numeric
			   AND scale(c.amount) = scale(u.sent::numeric)
			   AND abs(c.revenue - c.amount / 10) <= 0.005 AND scale(c.revenue) = 2
			   AND c.payout = 3.50
			   AND c.normal_payout = 3.50
			   AND c.rate_date = current_date) IS NOT TRUE`, made, sent).Scan(&wrong)
		if err != nil || len(wrong) > 0 {
			rt.Fatalf("%s, %v", wrong, err)
		}
	})
}

// Those that come together are copied in, and one that comes alone is inserted.
func TestTheLogKeepsWhatWasDecided(t *testing.T) {
	t.Parallel()
	t.Run("together", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t)
		d.keepsWhatItDecides(t, func(queries ...string) []proofback.Postback { return d.decide(t, queries...) })
	})
	t.Run("one by one", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t)
		d.keepsWhatItDecides(t, func(queries ...string) (log []proofback.Postback) {
			for _, q := range queries {
				log = append(log, d.decide(t, q)...)
			}
			return log
		})
	})
}

func (d *desk) keepsWhatItDecides(t *testing.T, decide func(queries ...string) []proofback.Postback) {
	click := d.click(t)
	odd := `"quoted" \ <b>&amp; ü 😀`
	log := decide(
		sale(click, "t1", "10")+"&sub1=a&sub3="+url.QueryEscape(odd)+"&unknown="+url.QueryEscape(odd),
		sale(click, "t1", "10")+"&status=rejected&reason="+url.QueryEscape(odd),
		"nothing")
	ids := make([]uuid.UUID, len(log))
	for i := range log {
		ids[i] = log[i].ID
	}
	stored, err := d.store.PostbacksByID(t.Context(), proofback.System(), ids)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range log {
		want.Duration = want.Duration.Truncate(time.Microsecond)
		if diff := cmp.Diff(&want, stored[want.ID], cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("request %d (-decided +stored):\n%s", i, diff)
		}
	}
	if n := d.count(t, `SELECT count(*) FROM postbacks WHERE pg_column_size(parameters) + pg_column_size(checks) + length(response_body) > 400`); n > 0 {
		t.Errorf("%d requests are kept in full", n)
	}
	var subs, reason string
	err = d.store.Pool().QueryRow(t.Context(), `SELECT subs ->> 2, reason FROM conversions`).Scan(&subs, &reason)
	if err != nil || subs != odd || reason != odd {
		t.Errorf("subs %q, reason %q, %v", subs, reason, err)
	}
}

// Clicks are looked up in their day's partition, and are found all the same where
// that has none, or has lost it a moment ago.
func TestClicksAreFoundWhateverBecomesOfTheirPartition(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	click := d.click(t)
	if log := d.decide(t, sale(click, "1", "10")); log[0].Reason != proofback.ReasonAccepted {
		t.Fatal(log[0].Message)
	}
	table := time.Now().UTC().Add(-time.Minute).Format("clicks_20060102")
	d.exec(t, `
		WITH taken AS (DELETE FROM `+table+` RETURNING *)
		SELECT count(*) FROM taken`)
	if log := d.decide(t, sale(click, "2", "10")); log[0].Reason != proofback.ReasonUnknownClick {
		t.Errorf("a click that was dropped: %s", log[0].Message)
	}
	d.exec(t, `DROP TABLE `+table)
	if log := d.decide(t, sale(click, "3", "10"), sale(d.click(t), "4", "10")); log[0].Reason != proofback.ReasonUnknownClick || log[1].Reason != proofback.ReasonAccepted {
		t.Errorf("without a partition: %s; %s", log[0].Message, log[1].Message)
	}
}

// Who is told is found out in Go where postbacks are decided, and in SQL where
// staff move conversions.
func TestDecidingTellsWhoWantsToHearOfIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.store.SetEnqueuer(nobody{})
	want := map[string]int{}
	for url, change := range map[string]func(*proofback.Destination){
		"https://all.example/":       func(*proofback.Destination) {},
		"https://approvals.example/": func(c *proofback.Destination) { c.Statuses = []proofback.Status{proofback.StatusApproved} },
		"https://offer.example/":     func(c *proofback.Destination) { c.OfferID = d.offer },
		"https://sales.example/":     func(c *proofback.Destination) { c.EventType = "sale" },
		"https://leads.example/":     func(c *proofback.Destination) { c.EventType = "lead" },
		"https://off.example/":       func(*proofback.Destination) {},
	} {
		c := proofback.Destination{AffiliateID: d.affiliate, URLTemplate: url}
		change(&c)
		if _, _, err := d.store.CreateDestination(t.Context(), proofback.System(), c); err != nil {
			t.Fatal(err)
		}
		want[url] = 2
	}
	d.exec(t, `UPDATE destinations SET enabled = false WHERE url_template LIKE '%off.%'`)
	want["https://approvals.example/"] = 1
	delete(want, "https://leads.example/")
	delete(want, "https://off.example/")

	click := d.click(t)
	d.decide(t, sale(click, "1", "10"))
	d.decide(t, sale(click, "1", "10")+"&status=approved")
	rows, err := d.store.Pool().Query(t.Context(), `
		SELECT s.url_template, count(*)
		FROM deliveries AS d
		JOIN destinations AS s ON s.id = d.destination_id
		JOIN transitions AS t ON t.id = d.transition_id AND t.to_status = d.event AND t.conversion_id = d.conversion_id
		WHERE d.status = 'PENDING' AND d.affiliate_id = s.affiliate_id AND d.next_attempt_at = d.created_at AND d.attempts = 0
		GROUP BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	var url string
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&url, &n}, func() error { got[url] = n; return nil }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("deliveries (-want +made):\n%s", diff)
	}
}
