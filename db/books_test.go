package db_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

func TestTheDatabaseItselfKeepsAClosedMonthAsItIs(t *testing.T) {
	t.Parallel()
	b := newBookkeeping(t)
	b.pass(time.Hour)
	id := b.sale(booksFrom, "approved", eur("10"))
	b.now = time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC)
	b.close("2026-01")
	for _, tt := range []struct{ name, sql, want string }{
		{"a move without its booking", `UPDATE conversions SET status = 'REJECTED'`, "is not booked as it stands"},
		{"another payout", `UPDATE conversions SET payout = 1`, "is of a closed month"},
		{"another event", `UPDATE conversions SET event_at = '2026-02-02'`, "is of a closed month"},
		{"another normalised amount", `UPDATE conversions SET normal_revenue = 1`, "is of a closed month"},
		{"away with it", `DELETE FROM conversions`, "is of a closed month"},
		{"a copy", `INSERT INTO conversions SELECT (json_populate_record(c, json_build_object('id', gen_random_uuid(), 'txid', 'x'))).* FROM conversions AS c`, "was not booked as one"},
		{"a late one without its booking", `INSERT INTO conversions
			SELECT (json_populate_record(c, json_build_object('id', gen_random_uuid(), 'txid', 'x', 'settled_status', 'NONE'))).* FROM conversions AS c`, "is not booked as it stands"},
		{"a booking in the closed month", adjust("settled, booked_at", "true, '2026-01-20'"), "was booked in a closed month"},
		{"a booking as if it were open", adjust("settled, booked_at", "false, event_at"), "was booked in a closed month"},
		{"a booking of less than it is worth", strings.Replace(adjust("settled, booked_at, from_status, transition_id", "true, '2026-02-20', 'PENDING', gen_random_uuid()"), "AMOUNT", "STATUS", 1), "does not move what it is of"},
		{"a booking of nothing", wholly(strings.Replace(adjust("settled, booked_at, from_status, transition_id", "true, '2026-02-20', 'PENDING', gen_random_uuid()"), "AMOUNT", "STATUS", 1)), "is not booked as it stands"},
		{"opening", `DELETE FROM periods`, "is refused"},
		{"moving the end", `UPDATE periods SET ends = '2026-03-01'`, "is refused"},
		{"forgetting", `TRUNCATE periods CASCADE`, "is refused"},
		{"half a month", `INSERT INTO periods VALUES (gen_random_uuid(), '2026-02-01', '2026-02-15', '2026-03-01')`, "periods_month"},
		{"a month too early", `INSERT INTO periods VALUES (gen_random_uuid(), '2026-02-01', '2026-03-01', '2026-02-15')`, "periods_over"},
		{"a month out of order", `INSERT INTO periods VALUES (gen_random_uuid(), '2026-03-01', '2026-04-01', '2026-05-01')`, "months are closed in order"},
	} {
		if _, err := b.store.Pool().Exec(t.Context(), tt.sql); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	b.correct(id, "4", "")
	if _, err := b.store.Pool().Exec(t.Context(), `UPDATE adjustments SET payout = 2`); err == nil || !strings.Contains(err.Error(), "is refused") {
		t.Error(err)
	}
	// Whoever moves it without more leaves behind what the month was closed with.
	tx, err := b.store.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	var settled string
	if err := tx.QueryRow(t.Context(), `UPDATE conversions SET status = 'REJECTED', settled_status = NULL RETURNING settled_status`).Scan(&settled); err != nil || settled != "APPROVED" {
		t.Error(settled, err)
	}
}

// adjust writes an adjustment of each conversion.
func adjust(columns, values string) string {
	return `INSERT INTO adjustments (id, conversion_id, advertiser_id, affiliate_id, kind, to_status, payout, payout_currency, at, by_kind, reason, ` + columns + `)
		SELECT gen_random_uuid(), id, advertiser_id, affiliate_id, 'AMOUNT', 'APPROVED', 1, 'EUR', event_at, 'USER', 'x', ` + values + `
		FROM conversions`
}

// wholly has an adjustment move what the conversion is worth.
func wholly(sql string) string {
	return strings.NewReplacer("payout_currency, at,", "payout_currency, revenue, revenue_currency, at,", "1, 'EUR', event_at,", "payout, 'EUR', revenue, 'EUR', event_at,").Replace(sql)
}

// A month is closed while conversions of it are approved, adjusted and told of.
// Whoever comes first, what its report says at its end is what it said when it was
// closed, and all of it is booked once.
func TestClosingRacesWithEverythingElse(t *testing.T) {
	t.Parallel()
	b := newBookkeeping(t)
	b.pass(time.Hour)
	const n = 40
	moving, correcting := make([]uuid.UUID, n), make([]uuid.UUID, n)
	for i := range n {
		moving[i], correcting[i] = b.sale(booksFrom, "pending", eur("10")), b.sale(booksFrom, "approved", eur("30"))
	}
	b.now = time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC)
	var together sync.WaitGroup
	start := make(chan struct{})
	race := func(do func(i int) error) {
		for i := range n {
			together.Go(func() {
				<-start
				if err := do(i); err != nil {
					t.Error(err)
				}
			})
		}
	}
	race(func(i int) error {
		_, _, err := b.store.MoveConversions(t.Context(), b.staff, moving[i:i+1], approved, "")
		return err
	})
	race(func(i int) error {
		_, _, err := b.store.AdjustConversions(t.Context(), b.staff, []proofback.Correction{{ConversionID: correcting[i], Payout: "14"}}, "x")
		return err
	})
	race(func(i int) error {
		in := b.incoming(sale(b.keys.Encode(b.visitor), fmt.Sprint("race-", i), "2") + "&status=approved&timestamp=2026-01-10T12:00:01Z")
		in.ReceivedAt = b.now
		log, err := b.store.Decide(t.Context(), b.setup, []*db.Incoming{in})
		if err == nil && log[0].Result != proofback.ResultAccepted {
			err = fmt.Errorf("%s", log[0].Message)
		}
		return err
	})
	var atClose map[string]string
	together.Go(func() {
		<-start
		january, _ := proofback.ParseMonth("2026-01")
		if _, err := b.store.ClosePeriod(t.Context(), b.admin, january); err != nil {
			t.Error(err)
		}
		atClose = booked(b.months(b.staff))
	})
	close(start)
	together.Wait()
	got := booked(b.months(b.staff))
	if got["2026-01"] != atClose["2026-01"] {
		t.Errorf("January was %q when it was closed, and is %q", atClose["2026-01"], got["2026-01"])
	}
	all := b.months(b.staff, func(in *proofback.ReportInput) { in.GroupBy = nil }).Totals
	want := &proofback.Metrics{Approved: 3 * n, Payout: eur("800.00"), PendingPayout: eur("0.00"), Revenue: eur("1680.00"), Margin: eur("880.00")}
	all.Clicks = 0
	if diff := cmp.Diff(want, &all); diff != "" {
		t.Error(diff)
	}
	if moved, booked := b.count(t, `SELECT count(*) FROM adjustments WHERE settled`), b.count(t, `SELECT count(*) FROM conversions WHERE settled_status IS NOT NULL`); booked > moved {
		t.Errorf("%d conversions settled, %d bookings", booked, moved)
	}
}
