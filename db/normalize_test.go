package db_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/proofback/proofback"
)

// feed is the ECB's XML with one day.
func feed(day time.Time, rates string) *strings.Reader {
	return strings.NewReader(fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
	<gesmes:subject>Reference rates</gesmes:subject>
	<Cube><Cube time='%s'>%s</Cube></Cube>
</gesmes:Envelope>`, day.Format(time.DateOnly), rates))
}

func TestAmountsThatWaitAreNormalisedWhenTheirRateComes(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.putTerms(t, func(terms *proofback.Terms) {
		terms.Goals[0].Payout = proofback.Price{Model: proofback.PricePercent, Percent: "10"}
	})
	click := d.click(t)
	for i, currency := range []string{"USD", "JPY", "VND", "EUR"} {
		d.decide(t, fmt.Sprintf("event_type=sale&txid=%d&currency=%s&amount=1000&click_id=%s", i, currency, click))
	}
	waiting := `SELECT count(*) FROM conversions WHERE rate_date IS NULL`
	if n := d.count(t, waiting); n != 3 {
		t.Fatalf("%d wait, want 3", n)
	}
	system := proofback.System()
	if n, err := d.store.StoreECBFeed(t.Context(), system, feed(now().AddDate(0, 0, -1), `<Cube currency='USD' rate='1.25'/><Cube currency='JPY' rate='160'/>`)); err != nil || n != 2 {
		t.Fatalf("%d rates stored, %v", n, err)
	}
	if n, err := d.store.StoreECBFeed(t.Context(), system, feed(now().AddDate(0, 0, -1), `<Cube currency='USD' rate='9.99'/>`)); err != nil || n != 0 {
		t.Fatalf("a second publication stored %d rates, %v", n, err)
	}
	n, err := d.store.NormalizeWaiting(t.Context(), system, d.setup)
	if err != nil || n != 2 {
		t.Fatalf("%d were normalised, %v", n, err)
	}
	if n := d.count(t, waiting); n != 1 {
		t.Errorf("%d wait, want the one in VND", n)
	}
	// 100 USD and 100 JPY of payout.
	if n := d.count(t, `SELECT count(*) FROM conversions WHERE normal_payout IN (80.00, 0.62) AND rate_source = 'ECB' AND rate_date = $1`, now().AddDate(0, 0, -1)); n != 2 {
		t.Errorf("%d have the amounts of that day's rate, want 2", n)
	}
	if n, err := d.store.NormalizeWaiting(t.Context(), system, d.setup); err != nil || n != 0 {
		t.Errorf("again: %d, %v", n, err)
	}
}

func TestMoreThanABatchIsNormalisedThoughAllHappenedAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.putTerms(t, func(terms *proofback.Terms) {
		terms.Goals[0].Payout = proofback.Price{Model: proofback.PricePercent, Percent: "10"}
	})
	d.decide(t, fmt.Sprintf("event_type=sale&txid=1&currency=USD&amount=1000&click_id=%s", d.click(t)))
	_, err := d.store.Pool().Exec(t.Context(), `
		INSERT INTO conversions
		SELECT (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid(), 'txid', 'like it ' || i))).*
		FROM conversions AS c
		CROSS JOIN generate_series(1, 1200) AS i`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.store.StoreECBFeed(t.Context(), proofback.System(), feed(now().AddDate(0, 0, -1), `<Cube currency='USD' rate='1.25'/>`)); err != nil {
		t.Fatal(err)
	}
	if n, err := d.store.NormalizeWaiting(t.Context(), proofback.System(), d.setup); err != nil || n != 1201 {
		t.Errorf("%d were normalised, %v", n, err)
	}
}

func TestAFeedWithAnythingStrangeChangesNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, rates := range []string{
		``,
		`<Cube currency='USD' rate='1.25'/><Cube currency='EURO' rate='1'/>`,
		`<Cube currency='USD' rate='1.25'/><Cube currency='GBP' rate='-1'/>`,
		`<Cube currency='USD' rate='1.25'/><Cube currency='GBP' rate='1e3'/>`,
		`<Cube currency='USD' rate='1.25'`,
	} {
		if n, err := d.store.StoreECBFeed(t.Context(), proofback.System(), feed(now(), rates)); err == nil {
			t.Errorf("%s: stored %d", rates, n)
		}
	}
	if n := d.count(t, `SELECT count(*) FROM rates`); n != 0 {
		t.Errorf("%d rates were stored", n)
	}
}
