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

// Neither is anything lost of what was rows and is arrays now.
func TestAnUpgradeMakesArraysOfRows(t *testing.T) {
	t.Parallel()
	w := newReportWorld(t, 1)
	w.rollUp(t)
	w.exec(t, `DROP TABLE clicks_20260306, clicks_20260307`)
	told := func() (text string) {
		const all = `
			SELECT string_agg(line, E'\n' ORDER BY line)
			FROM (
				SELECT concat_ws(' ', day, dimension, affiliate_id, offer_id, advertiser_id, u.value, sum(u.clicks), sum(u.bots)) AS line
				FROM rollup_values AS v
				CROSS JOIN LATERAL unnest(v.value, v.clicks, v.bots) AS u (value, clicks, bots)
				GROUP BY day, dimension, affiliate_id, offer_id, advertiser_id, u.value
			) AS lines`
		if err := w.store.Pool().QueryRow(t.Context(), all).Scan(&text); err != nil {
			t.Fatal(err)
		}
		return text
	}
	before := told()
	for table, column := range map[string]string{"rollup_devices": "device", "rollup_countries": "country", "rollup_subs": "sub1"} {
		w.exec(t, `
			CREATE TABLE `+table+` AS
			SELECT day, affiliate_id, offer_id, advertiser_id, sum(u.clicks)::integer AS clicks, sum(u.bots)::integer AS bots, u.`+column+`
			FROM rollup_values AS v
			CROSS JOIN LATERAL unnest(v.value, v.clicks, v.bots) AS u (`+column+`, clicks, bots)
			WHERE dimension = '`+column+`'
			GROUP BY day, affiliate_id, offer_id, advertiser_id, u.`+column)
	}
	w.exec(t, `DROP TABLE rollup_values`)
	w.exec(t, `DELETE FROM bun_migrations WHERE name = '20261122011900'`)
	if err := db.Migrate(t.Context(), w.store.Pool().Config().ConnString()); err != nil {
		t.Fatal(err)
	}
	for _, dimension := range []string{"device", "country", "sub1"} {
		if !strings.Contains(before, "2026-03-06 "+dimension) {
			t.Errorf("no counts by %s of the first day", dimension)
		}
	}
	if after := told(); after != before {
		t.Errorf("counts were\n%s\nand are\n%s", before, after)
	}
	if found := w.verify(t); len(found) > 0 {
		t.Errorf("found %q", found)
	}
}
