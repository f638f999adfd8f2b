package db_test

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// BenchmarkConversionsAreHeld is what Postgres takes to insert a batch of conversions
// without the triggers of their table, and what these take besides: they note it for the
// counts and hold it to the books. Nothing is left of it.
func BenchmarkConversionsAreHeld(b *testing.B) {
	const batches = 50 // with the triggers, and as many without, in turn
	for _, size := range []int{1, 16, 64} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			k := newBookkeeping(b)
			k.pass(time.Hour)
			k.sale(booksFrom, "approved", eur("10"))
			tx, err := k.store.Pool().Begin(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = tx.Rollback(context.WithoutCancel(b.Context())) }()
			exec := func(sql string, args ...any) {
				b.Helper()
				if _, err := tx.Exec(b.Context(), sql, args...); err != nil {
					b.Fatal(err)
				}
			}
			exec(`CREATE TEMPORARY TABLE waiting (batch integer, c conversions)`)
			exec(`CREATE INDEX ON waiting (batch)`)
			exec(`
				CREATE FUNCTION pg_temp.insert_all() RETURNS double precision
				LANGUAGE plpgsql AS $$
				DECLARE
					began timestamptz;
					took  interval := '0';
				BEGIN
					FOR i IN 1..(SELECT max(batch) FROM pg_temp.waiting) LOOP
						began := clock_timestamp();
						INSERT INTO conversions SELECT (c).* FROM pg_temp.waiting WHERE batch = i;
						took := took + (clock_timestamp() - began);
					END LOOP;
					RETURN extract(epoch FROM took) * 1000000;
				END $$`)
			took, rounds := map[string]float64{}, 0
			for b.Loop() {
				for _, how := range []string{"ENABLE", "DISABLE"} {
					exec(`TRUNCATE waiting`)
					exec(`
						INSERT INTO waiting
						SELECT i, jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid(), 'txid', gen_random_uuid()))
						FROM conversions AS c, generate_series(1, $1::integer) AS i, generate_series(1, $2::integer)
						WHERE txid = 'sale-1'`, batches, size)
					exec(`ALTER TABLE conversions ` + how + ` TRIGGER USER`)
					var us float64
					if err := tx.QueryRow(b.Context(), `SELECT pg_temp.insert_all()`).Scan(&us); err != nil {
						b.Fatal(err)
					}
					took[how] += us
				}
				rounds++
			}
			b.ReportMetric(took["DISABLE"]/float64(rounds*batches), "insert-µs/batch")
			b.ReportMetric((took["ENABLE"]-took["DISABLE"])/float64(rounds*batches), "triggers-µs/batch")
		})
	}
}
