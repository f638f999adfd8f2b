package db_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// ledgers is an advertiser's list and ours, with differences planted in both.
type ledgers struct {
	*desk
	csv  strings.Builder
	line int
	want map[int64]proofback.DifferenceKind // by line
	gone int                                // conversions that are not in the list
}

var march = proofback.TimeRange{
	From: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
	To:   time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC),
}

func newLedgers(t testing.TB) *ledgers {
	t.Helper()
	l := &ledgers{desk: newDesk(t), want: map[int64]proofback.DifferenceKind{}, line: 1}
	l.csv.WriteString("Order ID;Date;Sale amount;Currency;State\n")
	return l
}

// sold puts conversions into the database: number i has the transaction id "T<i>",
// the amount i/100 euros, and the (i mod 31)th day of March.
func (l *ledgers) sold(t testing.TB, count int) {
	t.Helper()
	l.exec(t, `
		INSERT INTO conversions (id, advertiser_id, offer_id, goal_id, affiliate_id, click_id, terms_id, postback_id, event_type, txid,
			status, began, event_at, received_at, click_at, amount, amount_currency, revenue, revenue_currency)
		SELECT gen_random_uuid(), $1, $2, $3, $4, gen_random_uuid(), $5, gen_random_uuid(), 'sale', 'T' || i,
			CASE WHEN i % 50 = 49 THEN 'REJECTED' ELSE 'APPROVED' END, 'APPROVED', at, at, at, i / 100.0, 'EUR', i / 1000.0, 'EUR'
		FROM generate_series(0, $6 - 1) AS i, LATERAL (SELECT '2026-03-01 12:00Z'::timestamptz + (i % 31) * interval '1 day' AS at) AS e`,
		l.advertiser, l.offer, l.goal, l.affiliate, l.terms.ID, count)
}

func eventDay(i int) time.Time {
	return time.Date(2026, 3, 1+i%31, 12, 0, 0, 0, time.UTC)
}

// tell adds a line to the list.
func (l *ledgers) tell(kind proofback.DifferenceKind, txid string, at time.Time, cents int, currency, state string) {
	l.line++
	l.want[int64(l.line)] = kind
	fmt.Fprintf(&l.csv, "%s;%s;%d,%02d;%s;%s\n", txid, at.Format("02.01.2006 15:04"), cents/100, cents%100, currency, state)
}

// plant writes the list over conversions, one of each twenty-five with one difference.
func (l *ledgers) plant(count int) {
	for i := range count {
		txid, at := fmt.Sprint("T", i), eventDay(i)
		rejected := i%50 == 49
		state := "approved"
		if rejected {
			state = "rejected"
		}
		switch i % 25 {
		case 1:
			l.tell(proofback.KindAmountDiffers, txid, at, i+7, "EUR", state)
		case 2:
			l.tell(proofback.KindCurrencyDiffers, txid, at, i, "USD", state)
		case 3:
			l.tell(proofback.KindStatusDiffers, txid, at, i, "EUR", "pending")
		case 4:
			l.gone++
		case 5:
			l.tell(proofback.KindMatched, txid, at, i, "EUR", state)
			l.tell(proofback.KindDuplicateThere, txid, at, i, "EUR", state)
		case 6:
			l.tell(proofback.KindTimeShifted, txid, at.Add(13*time.Hour), i, "EUR", state)
		case 7:
			l.tell(proofback.KindMatched, txid, at, i, "EUR", state)
			l.tell(proofback.KindMissingHere, "X"+txid, at, i, "EUR", state)
		case 8:
			l.tell(proofback.KindMatched, txid, at, i, "EUR", state)
			l.tell(proofback.KindOutsidePeriod, "Y"+txid, at.AddDate(0, 2, 0), i, "EUR", state)
		default:
			l.tell(proofback.KindMatched, txid, at, i, "EUR", state)
		}
	}
}

// compare stores the list and compares it.
func (l *ledgers) compare(t testing.TB, actor proofback.Actor, list string) *proofback.Reconciliation {
	t.Helper()
	queued := uuid.Nil
	r, err := l.store.StartReconciliation(t.Context(), actor, db.NewReconciliation{
		AdvertiserID: l.advertiser, Range: march, Source: proofback.SourceUpload,
		Read: func(a *proofback.Advertiser) (*proofback.ListReader, error) {
			return proofback.NewListReader(io.Reader(strings.NewReader(list)), proofback.ListOptions{Format: proofback.ListCSV, Advertiser: a, Keys: l.keys})
		},
		Enqueue: func(_ context.Context, _ pgx.Tx, id uuid.UUID) error { queued = id; return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	if queued != r.ID {
		t.Fatal("nobody was asked to compare it")
	}
	if err := l.store.Reconcile(t.Context(), proofback.System(), r.ID); err != nil {
		t.Fatal(err)
	}
	return r
}

// Every planted difference is found and named, and nothing else is reported.
func TestEachPlantedDifferenceIsFoundAndNothingElse(t *testing.T) {
	t.Parallel()
	const count = 100_000
	l := newLedgers(t)
	l.sold(t, count)
	l.plant(count)
	began := time.Now()
	r := l.compare(t, proofback.System(), l.csv.String())
	t.Logf("%d lines against %d conversions in %s", l.line-1, count, time.Since(began))

	got := map[int64]proofback.DifferenceKind{}
	gone := 0
	rows, err := l.store.Pool().Query(t.Context(), `SELECT kind, coalesce(line, 0) FROM reconciliation_items WHERE reconciliation_id = $1`, r.ID)
	if err != nil {
		t.Fatal(err)
	}
	var kind proofback.DifferenceKind
	var line int64
	if _, err := pgx.ForEachRow(rows, []any{&kind, &line}, func() error {
		if line > 0 {
			got[line] = kind
		} else if kind == proofback.KindMissingThere {
			gone++
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if gone != l.gone {
		t.Errorf("%d conversions are missing there, want %d", gone, l.gone)
	}
	if !maps.Equal(got, l.want) {
		wrong := 0
		for line, want := range l.want {
			if got[line] != want && wrong < 10 {
				wrong++
				t.Errorf("line %d is %s, want %s", line, got[line], want)
			}
		}
		t.Fatalf("%d lines were judged, want %d", len(got), len(l.want))
	}
	if n := l.count(t, `
		SELECT count(*)
		FROM (
			SELECT sum(platform_amount), sum(advertiser_amount), sum(count) FROM reconciliation_summary WHERE reconciliation_id = $1
			EXCEPT
			SELECT sum(platform_amount), sum(advertiser_amount), count(*) FROM reconciliation_items WHERE reconciliation_id = $1
		) AS d`, r.ID); n != 0 {
		t.Error("the summary is not the sum of the items")
	}
	// Both lists are in it to the cent.
	if n := l.count(t, `
		SELECT count(*)
		FROM reconciliation_rows AS t
		FULL JOIN reconciliation_items AS i USING (reconciliation_id, line)
		WHERE coalesce(i.line, t.line) IS NOT NULL
		  AND (t.amount IS DISTINCT FROM i.advertiser_amount OR t.txid IS DISTINCT FROM i.txid)`); n != 0 {
		t.Errorf("%d lines are not what was sent", n)
	}
	if n := l.count(t, `SELECT count(*) FROM reconciliations WHERE status = 'DONE' AND progress = 100 AND lines = $1 AND bad_lines = 0`, l.line-1); n != 1 {
		t.Error("it is not told to be done")
	}
}
