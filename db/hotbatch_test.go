package db_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// hotValue asks for one value on a connection for postbacks.
func hotValue(t *testing.T, s *db.Store, to any, sql string, args ...any) error {
	t.Helper()
	var q pgx.Batch
	q.Queue(sql, args...).QueryRow(func(row pgx.Row) error { return row.Scan(to) })
	return db.HotAsk(t.Context(), s, &q)
}

func TestWhatABatchAsksIsAnswered(t *testing.T) {
	t.Parallel()
	s := dbtest.Open(t)
	ids := []uuid.UUID{newID(t), newID(t), uuid.Nil}
	at := time.Date(2026, 3, 1, 12, 0, 0, 123000, time.UTC)
	var read []uuid.UUID
	var seen []time.Time
	var tag pgconn.CommandTag
	var q pgx.Batch
	q.Queue(`SELECT nullif(id, $2), $3::timestamptz FROM unnest($1::uuid[]) WITH ORDINALITY AS u (id, n) ORDER BY n`, ids, uuid.Nil, at).Query(func(rows pgx.Rows) error {
		var id *uuid.UUID
		var when time.Time
		_, err := pgx.ForEachRow(rows, []any{&id, &when}, func() error {
			if id != nil {
				read = append(read, *id)
			}
			seen = append(seen, when.UTC())
			return nil
		})
		return err
	})
	q.Queue(`SELECT WHERE false`)
	q.Queue(`UPDATE affiliates SET name = $1 WHERE id = $2`, "nobody", newID(t)).Exec(func(ct pgconn.CommandTag) error {
		tag = ct
		return nil
	})
	if err := db.HotAsk(t.Context(), s, &q); err != nil {
		t.Fatal(err)
	}
	if len(read) != 2 || read[0] != ids[0] || read[1] != ids[1] || len(seen) != 3 || !seen[2].Equal(at) || tag.String() != "UPDATE 0" {
		t.Errorf("read %v, %v, %s", read, seen, tag)
	}
}

func TestAConnectionForPostbacksOutlivesRefusals(t *testing.T) {
	t.Parallel()
	s := dbtest.Open(t)
	var before, after, n int
	if err := hotValue(t, s, &before, `SELECT pg_backend_pid()`); err != nil {
		t.Fatal(err)
	}
	if pg, ok := errors.AsType[*pgconn.PgError](hotValue(t, s, &n, `SELECT 1 / $1::integer`, 0)); !ok || pg.Code != "22012" {
		t.Errorf("a division by zero gave %v", pg)
	}
	if err := hotValue(t, s, &n, `SELECT WHERE $1`, false); !errors.Is(err, pgx.ErrNoRows) {
		t.Errorf("no row gave %v", err)
	}
	if err := hotValue(t, s, &n, `SELECT $1::text`, "no number"); err == nil {
		t.Error("a text was read as a number")
	}
	if err := hotValue(t, s, &n, `SELECT $1::integer`); err == nil {
		t.Error("an argument was missing, and nobody said so")
	}
	if err := hotValue(t, s, &after, `SELECT pg_backend_pid()`); err != nil || after != before {
		t.Errorf("on connection %d after %d, %v", after, before, err)
	}
}

func TestWhatTakesTooLongOnAConnectionForPostbacksIsGivenUp(t *testing.T) {
	t.Parallel()
	s := dbtest.Open(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var q pgx.Batch
	q.Queue(`SELECT pg_sleep(60)`)
	began := time.Now()
	if err := db.HotAsk(ctx, s, &q); proofback.CodeOf(db.DomainError(err)) != proofback.CodeUnavailable {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	var n int
	if err := hotValue(t, s, &n, `SELECT 1`); err != nil || n != 1 {
		t.Errorf("after that: %d, %v", n, err)
	}
}

// A migration may run while older processes go on.
func TestStatementsThatATableHasOutgrownArePreparedAnew(t *testing.T) {
	t.Parallel()
	s := dbtest.Open(t)
	exec := func(sql string) {
		if _, err := s.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	exec(`CREATE TABLE grows AS SELECT 1::integer AS n`)
	var n int
	if err := hotValue(t, s, &n, `SELECT * FROM grows`); err != nil {
		t.Fatal(err)
	}
	exec(`ALTER TABLE grows ALTER COLUMN n TYPE bigint`)
	_ = hotValue(t, s, &n, `SELECT * FROM grows`)
	if err := hotValue(t, s, &n, `SELECT * FROM grows`); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
}

// Postgres reads no further while nobody reads its answers: whoever has sent only a
// part by then must not wait for it with the rest.
func TestALargeBatchWithLargeAnswersDoesNotStandStill(t *testing.T) {
	t.Parallel()
	s := dbtest.Open(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	const each, count = 4 << 20, 8
	var answered, asked int
	var q pgx.Batch
	for range count {
		q.Queue(`SELECT $1::text`, strings.Repeat("x", each)).QueryRow(func(row pgx.Row) error {
			var text string
			err := row.Scan(&text)
			answered += len(text)
			return err
		})
	}
	q.Queue(`SELECT length($1::text)`, "last").QueryRow(func(row pgx.Row) error { return row.Scan(&asked) })
	if err := db.HotAsk(ctx, s, &q); err != nil || answered != each*count || asked != 4 {
		t.Errorf("%d bytes answered, %d, %v", answered, asked, err)
	}
}

// Postgres reads a small table whole rather than by its index. A statement that is
// prepared would still do so when the table has grown, until Postgres looks at it again.
func TestLookUpsUseTheirIndexHoweverSmallATableIs(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	m.conversion(m.click(0, day), "one", day)
	m.exec(`ANALYZE conversions`)
	if plan := hotPlan(t, m, `SELECT id FROM conversions WHERE click_id = ANY ('{01920000-0000-7000-8000-000000000000,01920000-0000-7000-8000-000000000001}')`); !strings.Contains(plan, "conversions_click") {
		t.Error(plan)
	}
	known := strings.NewReplacer(`$1`, `'{01920000-0000-7000-8000-000000000000}'`, `$2`, `'{one}'`).Replace(db.KnownByTxID)
	if plan := hotPlan(t, m, known); !strings.Contains(plan, "Index Cond: ((advertiser_id = told.advertiser) AND (txid = told.txid))") {
		t.Error(plan)
	}
}

// The table of a month's clicks is larger than the memory, and nothing of it is needed.
func TestAPostbackReadsItsClickFromTheIndexAlone(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	m.click(0, day)
	if plan := hotPlan(t, m, `SELECT `+db.JudgedColumns+` FROM clicks_`+day.Format("20060102")+` WHERE id = ANY ('{01920000-0000-7000-8000-000000000000}')`); !strings.Contains(plan, "Index Only Scan") {
		t.Error(plan)
	}
}

// hotPlan is how a statement is carried out on a connection for postbacks.
func hotPlan(t *testing.T, m *market, statement string) string {
	t.Helper()
	var plan strings.Builder
	var q pgx.Batch
	q.Queue(`EXPLAIN ` + statement).Query(func(rows pgx.Rows) error {
		var line string
		_, err := pgx.ForEachRow(rows, []any{&line}, func() error {
			plan.WriteString(line + "\n")
			return nil
		})
		return err
	})
	if err := db.HotAsk(t.Context(), m.store, &q); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
