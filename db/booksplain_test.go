package db_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// likeTheFirst inserts conversions past the program, by one statement: each is like the
// first there is but for what a JSON object says.
const likeTheFirst = `
	INSERT INTO conversions
	SELECT (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid(), 'txid', gen_random_uuid()) || change)).*
	FROM conversions AS c
	CROSS JOIN jsonb_array_elements($1::jsonb) AS change
	WHERE c.txid = 'sale-1'`

var errTakeItBack = errors.New("rolled back")

// tried is what comes of statements in a transaction, of which nothing is left.
func (b *bookkeeping) tried(do func(ctx context.Context, tx pgx.Tx) error) error {
	b.t.Helper()
	ctx := b.t.Context()
	err := pgx.BeginFunc(ctx, b.store.Pool(), func(tx pgx.Tx) error {
		if err := do(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `SET CONSTRAINTS ALL IMMEDIATE`); err != nil {
			return err
		}
		return errTakeItBack
	})
	if errors.Is(err, errTakeItBack) {
		return nil
	}
	return err
}

// violated reports whether a constraint refused something.
func violated(err error, constraint string) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.ConstraintName == constraint
}

const (
	inJanuary  = `"event_at": "2026-01-20T00:00:00Z"`
	inFebruary = `"event_at": "2026-02-01T00:00:00Z"`
	unbooked   = "conversions_closed_month"
)

func TestWhoInsertsPastTheProgramIsHeldToTheBooks(t *testing.T) {
	t.Parallel()
	b := newBookkeeping(t)
	b.pass(time.Hour)
	b.sale(booksFrom, "approved", eur("10"))
	insert := func(closed bool, name, rows, want string) {
		t.Helper()
		err := b.tried(func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, likeTheFirst, `[`+rows+`]`)
			return err
		})
		if want == "" && err != nil || want != "" && !violated(err, want) {
			t.Errorf("closed %t, %s: %v, want %q", closed, name, err, want)
		}
	}
	insert(false, "one", `{`+inJanuary+`}`, "")
	insert(false, "as if it were late", `{`+inJanuary+`, "settled_status": "NONE"}`, unbooked)
	insert(false, "a test as if it were late", `{"test": true, "settled_status": "NONE"}`, unbooked)

	b.now = time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC)
	b.close("2026-01")
	for _, tt := range []struct{ name, rows, want string }{
		{"none", ``, ""},
		{"of an open month", `{` + inFebruary + `}`, ""},
		{"of an open month as if it were late", `{` + inFebruary + `, "settled_status": "NONE"}`, unbooked},
		{"of an open month as if it had moved", `{` + inFebruary + `, "settled_status": "APPROVED"}`, unbooked},
		{"of a closed month", `{` + inJanuary + `}`, unbooked},
		{"of its last microsecond", `{"event_at": "2026-01-31T23:59:59.999999Z"}`, unbooked},
		{"one among others", `{` + inFebruary + `}, {` + inFebruary + `}, {` + inJanuary + `}`, unbooked},
		{"one that waits for its rate", `{` + inJanuary + `, "rate_date": null}`, unbooked},
		{"late, and not booked", `{` + inJanuary + `, "settled_status": "NONE"}`, "conversions_balance"},
		{"one that had been there", `{` + inJanuary + `, "settled_status": "APPROVED"}`, unbooked},
		{"settled as nobody knows what", `{` + inJanuary + `, "settled_status": "LOST"}`, unbooked},
		{"a test", `{` + inJanuary + `, "test": true}`, ""},
		{"a test as if it were late", `{` + inJanuary + `, "test": true, "settled_status": "NONE"}`, unbooked},
		{"of no known status", `{` + inFebruary + `, "status": "LOST"}`, "conversions_status_check"},
		{"told apart by nothing", `{` + inFebruary + `, "txid": null}`, "conversions_told_apart"},
	} {
		insert(true, tt.name, tt.rows, tt.want)
	}
}

func TestTheDatabaseKnowsWhichWordsThereAre(t *testing.T) {
	t.Parallel()
	b := newBookkeeping(t)
	b.pass(time.Hour)
	b.sale(booksFrom, "approved", eur("10"))
	const told = `INSERT INTO deliveries (id, conversion_id, transition_id, click_id, affiliate_id, destination_id, event, status, created_at)
		SELECT id, id, id, click_id, affiliate_id, id, status, 'PENDING', event_at FROM conversions`
	for _, tt := range []struct{ sql, want string }{
		{`UPDATE conversions SET status = 'LOST'`, "conversions_status_check"},
		{`INSERT INTO transitions SELECT (jsonb_populate_record(t, '{"id": "00000000-0000-7000-8000-000000000000", "by_kind": "CHANCE"}')).* FROM transitions AS t`, "transitions_by_kind_check"},
		{told + `; UPDATE deliveries SET status = 'LOST'`, "deliveries_status_check"},
		{strings.ReplaceAll(told, "PENDING", "LOST"), "deliveries_status_check"},
	} {
		if _, err := b.store.Pool().Exec(t.Context(), tt.sql, pgx.QueryExecModeSimpleProtocol); !violated(err, tt.want) {
			t.Errorf("%s: %v, want %q", tt.sql, err, tt.want)
		}
	}
	b.exec(t, `UPDATE conversions SET settled_status = 'LOST'`)
	if n := b.count(t, `SELECT count(*) FROM conversions WHERE settled_status IS NOT NULL`); n != 0 {
		t.Errorf("%d conversions of an open month are settled", n)
	}
	if n := b.count(t, `SELECT count(*) FROM pg_constraint WHERE NOT convalidated`); n != 0 {
		t.Errorf("%d constraints were not looked at for the rows that there were", n)
	}
}

// What the counts are told is what was inserted, changed and deleted, by whom or how
// many at a time.
func TestWhatIsInsertedPastTheProgramIsCounted(t *testing.T) {
	t.Parallel()
	b := newBookkeeping(t)
	b.pass(time.Hour)
	b.sale(booksFrom, "approved", eur("10"))
	b.exec(t, `DELETE FROM conversion_changes`)
	const noted = `
		SELECT coalesce(string_agg(n || ': ' || what, ', ' ORDER BY what), '')
		FROM (
			SELECT what, sum(sign)::text AS n
			FROM conversion_changes
			CROSS JOIN LATERAL (SELECT pending + approved + rejected AS sign) AS s
			CROSS JOIN LATERAL (SELECT concat_ws(' ', sign * pending, sign * approved, sign * rejected, sign * payout, sign * pending_payout, sign * revenue) AS what) AS w
			GROUP BY what
			HAVING sum(sign) <> 0
		) AS noted`
	for _, tt := range []struct{ sql, want string }{
		{likeTheFirst, "1: 0 0 1 0 0 0, 1: 0 1 0 0 0 0, 2: 0 1 0 5.00 0 10.00, 1: 1 0 0 0 5.00 0"},
		{`UPDATE conversions SET status = 'REJECTED' WHERE status = 'PENDING' AND $1 <> ''`, "2: 0 0 1 0 0 0, 1: 0 1 0 0 0 0, 2: 0 1 0 5.00 0 10.00"},
		{`DELETE FROM conversions WHERE txid <> 'sale-1' AND $1 <> ''`, ""},
	} {
		b.exec(t, tt.sql, `[{}, {}, {"status": "PENDING"}, {"status": "REJECTED"}, {"normal_payout": null, "normal_revenue": null}, {"rate_date": null}, {"test": true}]`)
		var got string
		if err := b.store.Pool().QueryRow(t.Context(), noted).Scan(&got); err != nil || got != tt.want {
			t.Errorf("%s: %v\n got %s\nwant %s", tt.sql, err, got, tt.want)
		}
	}
}

// Who inserts past the program and who closes a month wait for each other, and the one
// who comes second knows what the first did.
func TestWhoInsertsPastTheProgramWaitsForWhoCloses(t *testing.T) {
	t.Parallel()
	b := newBookkeeping(t)
	b.pass(time.Hour)
	b.sale(booksFrom, "approved", eur("10"))
	const closes = `INSERT INTO periods VALUES (gen_random_uuid(), '2026-01-01Z', '2026-02-01Z', '2026-02-03Z')`
	second := func(first, sql string, args ...any) (answer chan error, end func() error) {
		tx, err := b.store.Pool().Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) })
		if _, err := tx.Exec(t.Context(), first, args[:strings.Count(first, "$1")]...); err != nil {
			t.Fatal(err)
		}
		answer = make(chan error, 1)
		go func() {
			_, err := b.store.Pool().Exec(t.Context(), sql, args[:strings.Count(sql, "$1")]...)
			answer <- err
		}()
		eventually(t, 10*time.Second, "the second waits", func() bool { return waitsForALock(t, b.store) })
		return answer, func() error { return tx.Commit(t.Context()) }
	}
	row := `[{` + inJanuary + `}]`

	inserted, commit := second(closes, likeTheFirst, row)
	if err := commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-inserted; !violated(err, unbooked) {
		t.Errorf("inserted into a month that was closed meanwhile: %v", err)
	}

	february := strings.NewReplacer("-02-", "-03-", "-01-", "-02-").Replace(closes)
	closed, commit := second(likeTheFirst, february, `[{`+inFebruary+`}]`)
	if err := commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}
