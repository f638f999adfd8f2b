package jobs

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/riverqueue/river"
)

func TestUpkeepRunsAtStartOnceForAllProcesses(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.exec(t, `
		DO $$ BEGIN
			EXECUTE 'DROP TABLE ' || to_char((now() AT TIME ZONE 'UTC')::date + 7, '"clicks_"YYYYMMDD');
		END $$`)
	f.start(t)
	f.start(t)
	f.eventually(t, "the partition is back", `
		SELECT count(*)
		FROM pg_class
		WHERE relname = to_char((now() AT TIME ZONE 'UTC')::date + 7, '"clicks_"YYYYMMDD')`, 1)
	f.eventually(t, "both are done, once", `
		SELECT count(*)
		FROM river_job
		WHERE kind IN ('make_partitions', 'drop_sessions')
		  AND state = 'completed'`, 2)
}

// While the past is being loaded, say, the day after next week can wait: that is no
// failure that anybody is to look at.
func TestMakingPartitionsGivesWay(t *testing.T) {
	t.Parallel()
	f := setup(t)
	tx, err := f.store.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	if _, err := tx.Exec(t.Context(), `SELECT pg_advisory_xact_lock(hashtext('proofback.make_partitions'))`); err != nil {
		t.Fatal(err)
	}
	var snoozed *river.JobSnoozeError
	if err := keepPartitions(t.Context(), f.store, slog.New(slog.DiscardHandler)); !errors.As(err, &snoozed) || snoozed.Duration != makeAgain {
		t.Errorf("with somebody in the way: %v", err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := keepPartitions(t.Context(), f.store, slog.New(slog.DiscardHandler)); err != nil {
		t.Errorf("with nobody in the way: %v", err)
	}
}
