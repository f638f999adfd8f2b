package db_test

import (
	"strings"
	"testing"

	"github.com/proofback/proofback/db"
)

// What an upgrade finds counted is carried over, also that whose clicks are gone.
func TestAnUpgradeCarriesCountsOver(t *testing.T) {
	t.Parallel()
	w := newReportWorld(t, 1)
	w.rollUp(t)
	w.exec(t, `DELETE FROM clicks WHERE id < uuid_floor($1)`, worldFrom.AddDate(0, 0, 5))
	var before, after string
	all := `SELECT string_agg(r::text, E'\n' ORDER BY r::text) FROM rollup_advertisers AS r`
	if err := w.store.Pool().QueryRow(t.Context(), all).Scan(&before); err != nil {
		t.Fatal(err)
	}
	w.exec(t, `DROP TABLE rollup_advertisers`)
	w.exec(t, `ALTER TABLE rollup_state DROP COLUMN waiting, DROP COLUMN pairs_waiting`)
	w.exec(t, `DELETE FROM bun_migrations WHERE name BETWEEN '20261122011501' AND '20261122011599'`)
	if err := db.Migrate(t.Context(), w.store.Pool().Config().ConnString()); err != nil {
		t.Fatal(err)
	}
	if err := w.store.Pool().QueryRow(t.Context(), all).Scan(&after); err != nil || before != after || !strings.Contains(before, "2026-03-06") {
		t.Errorf("%v: counts were\n%s\nand are\n%s", err, before, after)
	}
}
