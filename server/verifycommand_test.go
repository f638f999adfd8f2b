package main_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

func TestRollupsAreVerifiedFromTheCommandLine(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	// Two days on, the click is old enough to be counted.
	store := dbtest.Open(t, func(c *db.Config) {
		c.URL, c.Now = url, func() time.Time { return time.Now().Add(48 * time.Hour) }
	})
	id := uuid.Must(uuid.NewV7())
	click := proofback.Click{ID: id, LinkID: id, OfferID: id, At: proofback.UUIDTime(id), Device: proofback.DeviceMobile}
	if err := store.InsertClicks(t.Context(), proofback.System(), []proofback.Click{click}); err != nil {
		t.Fatal(err)
	}
	if _, err := store.RollUp(t.Context(), proofback.System()); err != nil {
		t.Fatal(err)
	}
	code, out, stderr := runToEnd(t, []string{"verify", "rollups"}, "DATABASE_URL="+url)
	if code != 0 || !strings.Contains(out, "days were counted again: 0 differences") {
		t.Errorf("%d %q %q", code, out, stderr)
	}
	if _, err := store.Pool().Exec(t.Context(), `UPDATE rollup_offers SET clicks = clicks + 1, clicks_to = ARRAY(SELECT n + 1 FROM unnest(clicks_to) AS n)`); err != nil {
		t.Fatal(err)
	}
	code, out, stderr = runToEnd(t, []string{"verify", "rollups"}, "DATABASE_URL="+url)
	if code != 1 || !strings.Contains(out, " rolled up, ") || !strings.Contains(stderr, "1 counts were wrong") {
		t.Errorf("%d %q %q", code, out, stderr)
	}
}

// A database that nothing was done to but by the program has no differences, and is told
// so by a line for each check; one that somebody else wrote to is told what, and fails.
func TestTheWholeDatabaseIsVerifiedFromTheCommandLine(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	p, database := startOnNewDatabase(t, "PROOFBACK_DATA_DIR="+folder)
	click := p.clickOnce()
	if status, text := p.get("/postback?click_id=" + click + "&event_type=sale&txid=WHOLE-1&amount=49.90&currency=EUR"); status != 200 {
		t.Fatal(status, text)
	}
	p.stop()
	settings := onDatabase(database, "PROOFBACK_DATA_DIR="+folder)
	code, out, stderr := runToEnd(t, []string{"verify"}, settings...)
	if code != 0 || strings.Count(out, "\n") != len(proofback.SelfChecks()) || strings.Count(out, " compared, 0 differences\n") != len(proofback.SelfChecks()) {
		t.Errorf("%d %s %s", code, out, stderr)
	}
	code, out, stderr = runToEnd(t, []string{"verify", "--timings", "--only", "books"}, settings...)
	if code != 0 || !regexp.MustCompile(`^books .* compared, 0 differences, \d+\.\d s\n$`).MatchString(out) {
		t.Errorf("%d %s %s", code, out, stderr)
	}
	store := dbtest.Open(t, func(c *db.Config) { c.URL = database })
	if _, err := store.Pool().Exec(t.Context(), `UPDATE destinations SET wants_since = created_at - interval '1 minute'`); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Pool().Exec(t.Context(), `DELETE FROM deliveries WHERE conversion_id = (SELECT id FROM conversions WHERE txid = 'WHOLE-1')`); err != nil {
		t.Fatal(err)
	}
	code, out, stderr = runToEnd(t, []string{"verify", "--only", "deliveries,caps"}, settings...)
	if code != 1 || strings.Count(out, " compared, ") != 2 || !strings.Contains(out, ": it became pending at ") || !strings.Contains(out, "backfillAffiliatePostback") ||
		!strings.Contains(stderr, "there are 1 differences") {
		t.Errorf("%d %s %s", code, out, stderr)
	}
	if code, _, stderr = runToEnd(t, []string{"verify", "--only", "nonsense"}, settings...); code != 1 || !strings.Contains(stderr, `--only is "nonsense": expected some of conversions, `) {
		t.Errorf("%d %s", code, stderr)
	}
}
