package db_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

func TestOnlyWholeDaysPastTheirRetentionAreDropped(t *testing.T) {
	t.Parallel()
	today := now().UTC().Truncate(24 * time.Hour)
	noon := today.Add(12 * time.Hour)
	store := dbtest.Open(t, func(c *db.Config) { c.Now = func() time.Time { return noon } })
	if _, err := store.MakePartitions(t.Context(), today.AddDate(0, 0, -5), today); err != nil {
		t.Fatal(err)
	}
	old, kept := clickOn(t, today.AddDate(0, 0, -3)), clickOn(t, today.AddDate(0, 0, -2))
	if err := store.InsertClicks(t.Context(), proofback.System(), []proofback.Click{old, kept}); err != nil {
		t.Fatal(err)
	}
	name := func(table string, days int) string { return table + "_" + today.AddDate(0, 0, days).Format("20060102") }
	for _, step := range []struct {
		retention db.Retention
		want      []string
	}{
		{db.Retention{}, nil},
		// At noon, two days ago is half within 48 hours.
		{db.Retention{Clicks: 48 * time.Hour}, []string{name("clicks", -5), name("clicks", -4), name("clicks", -3)}},
		{db.Retention{Clicks: 48 * time.Hour, Postbacks: 108 * time.Hour}, []string{name("postbacks", -5)}},
	} {
		dropped, err := store.DropPartitions(t.Context(), proofback.System(), step.retention)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want, dropped); diff != "" {
			t.Errorf("%+v dropped (-want +got):\n%s", step.retention, diff)
		}
	}
	found, err := store.ClicksByID(t.Context(), proofback.System(), []uuid.UUID{old.ID, kept.ID})
	if err != nil || len(found) != 1 || found[kept.ID] == nil {
		t.Errorf("%d clicks are left, %v", len(found), err)
	}
	affiliate := proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: newID(t)}
	if _, err := store.DropPartitions(t.Context(), affiliate, db.Retention{Clicks: time.Hour}); proofback.CodeOf(err) != proofback.CodeForbidden {
		t.Errorf("an affiliate drops clicks: %v", err)
	}
}
