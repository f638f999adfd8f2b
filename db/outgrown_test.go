package db_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// A migration may run while older processes go on. Postgres then refuses statements that
// connections have prepared whose results it changes, and nobody is to notice.

func TestPostbacksAreDecidedThoughTablesHaveOutgrownStatements(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.store.SetEnqueuer(nobody{})
	d.putTerms(t, func(terms *proofback.Terms) {
		terms.Caps = []proofback.Cap{{Metric: proofback.CapConversions, Period: proofback.CapTotal, Limit: "100"}}
	})
	if err := d.setup.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	click := d.click(t)
	txid := 'a'
	decide := func() {
		t.Helper()
		for _, p := range append(d.decide(t, sale(click, string(txid), "10"), sale(click, string(txid+1), "10")), d.decide(t, sale(click, string(txid+2), "10"))...) {
			if p.Reason != proofback.ReasonAccepted {
				t.Errorf("%s: %s", p.Reason, p.Message)
			}
		}
		txid += 3
	}
	decide()
	decide()
	for _, change := range []string{
		`ALTER TABLE clicks ALTER COLUMN at TYPE timestamptz(3)`,        // asked outside of the transaction, or as it begins,
		`ALTER TABLE conversions ALTER COLUMN began TYPE varchar(20)`,   // as it begins,
		`ALTER TABLE cap_usage ALTER COLUMN starts TYPE timestamptz(3)`, // and within it
	} {
		if _, err := d.store.Pool().Exec(t.Context(), change); err != nil {
			t.Fatal(err)
		}
		decide()
		decide()
	}
}

func TestPagesAreReadThoughTablesHaveOutgrownStatements(t *testing.T) {
	t.Parallel()
	m := newMarket(t, oneConnection)
	m.exec(`CREATE TABLE grows AS SELECT 1::integer AS n`)
	for range 3 {
		var n int
		err := m.store.ReadOnce(t.Context(), m.staff, `SELECT * FROM grows`, func(rows pgx.Rows) error {
			_, err := pgx.ForEachRow(rows, []any{&n}, func() error { return nil })
			return err
		})
		if err != nil || n != 1 {
			t.Errorf("%d, %v", n, err)
		}
		m.exec(`ALTER TABLE grows ADD COLUMN other integer`)
		m.exec(`ALTER TABLE grows DROP COLUMN other, ALTER COLUMN n TYPE bigint USING n`)
		m.exec(`ALTER TABLE grows ALTER COLUMN n TYPE numeric`)
	}
}
