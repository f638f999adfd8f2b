package db_test

import (
	"context"
	"strings"
	"sync"
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

// Whoever reads for long keeps seeing what it saw, and nobody waits behind a lock
// for it: what is past its retention goes when the reader has ended.
func TestDroppingWaitsForLongReadersWithoutALock(t *testing.T) {
	t.Parallel()
	today := now().UTC().Truncate(24 * time.Hour)
	store := dbtest.Open(t)
	if _, err := store.MakePartitions(t.Context(), today.AddDate(0, 0, -5), today); err != nil {
		t.Fatal(err)
	}
	old := clickOn(t, today.AddDate(0, 0, -4))
	if err := store.InsertClicks(t.Context(), proofback.System(), []proofback.Click{old}); err != nil {
		t.Fatal(err)
	}
	reader, err := store.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Rollback(t.Context()) }()
	counted := func() (n int) {
		if err := reader.QueryRow(t.Context(), `SELECT count(*) FROM clicks`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	counted()
	eventually(t, 10*time.Second, "the reader has been at it for long", func() (long bool) {
		err := reader.QueryRow(t.Context(), `SELECT clock_timestamp() - now() > interval '1.1 seconds'`).Scan(&long)
		return long || err != nil
	})
	retention := db.Retention{Clicks: 2 * 24 * time.Hour}
	dropped, err := store.DropPartitions(t.Context(), proofback.System(), retention)
	if proofback.CodeOf(err) != proofback.CodeUnavailable || !strings.Contains(err.Error(), "running for over a second") || len(dropped) > 0 {
		t.Errorf("dropped %v beside a reader: %v", dropped, err)
	}
	if n := counted(); n != 1 {
		t.Errorf("the reader sees %d clicks", n)
	}
	if err := reader.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if dropped, err = store.DropPartitions(t.Context(), proofback.System(), retention); err != nil || len(dropped) == 0 {
		t.Errorf("dropped %v after the reader: %v", dropped, err)
	}
}

// Writers and short readers are not kept from their work, nor do they keep what is
// past its retention.
func TestDroppingGetsInBetweenShortTransactions(t *testing.T) {
	t.Parallel()
	today := now().UTC().Truncate(24 * time.Hour)
	store := dbtest.Open(t)
	if _, err := store.MakePartitions(t.Context(), today.AddDate(0, 0, -9), today); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for ctx.Err() == nil {
				c := clickOn(t, today)
				if err := store.InsertClicks(t.Context(), proofback.System(), []proofback.Click{c}); err != nil {
					t.Errorf("a click was refused: %v", err)
					return
				}
			}
		})
	}
	dropped, err := store.DropPartitions(t.Context(), proofback.System(), db.Retention{Clicks: 2 * 24 * time.Hour})
	stop()
	all.Wait()
	if err != nil || len(dropped) < 6 {
		t.Errorf("dropped %v, %v", dropped, err)
	}
}
