package main_test

import (
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
