package jobs

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// makePartitionsArgs asks for the partitions of the days around now.
type makePartitionsArgs struct{}

func (makePartitionsArgs) Kind() string { return "make_partitions" }

// makeAgain is when to try again to make partitions that somebody is in the way of.
const makeAgain = 10 * time.Second

// keepPartitions makes partitions, and tells the log when some are missing or rows
// have none all the same. It gives way to whoever is at the same tables: days are
// made a week ahead.
func keepPartitions(ctx context.Context, store *db.Store, log *slog.Logger) error {
	_, failed := store.KeepPartitions(ctx, proofback.System())
	states, err := store.PartitionStates(ctx, proofback.System())
	if err != nil {
		return errors.Join(failed, err)
	}
	for _, p := range states {
		if p.Strays > 0 {
			log.WarnContext(ctx, "rows have no partition of their day: they stay in the default one", "table", p.Table, "rows", p.Strays)
		}
		if p.DaysAhead < db.PartitionDaysAhead {
			log.WarnContext(ctx, "partitions of days to come are missing", "table", p.Table, "days_ahead", p.DaysAhead, "wanted", db.PartitionDaysAhead)
		}
	}
	if proofback.CodeOf(failed) == proofback.CodeUnavailable && ctx.Err() == nil {
		return river.JobSnooze(makeAgain)
	}
	return failed
}

// dropPartitionsArgs asks for the days that are past their retention to be dropped.
type dropPartitionsArgs struct{}

func (dropPartitionsArgs) Kind() string { return "drop_partitions" }

// dropAgain is when to look again whether a long query has ended that reads what is
// to be dropped.
const dropAgain = 2 * time.Minute

func dropPartitions(ctx context.Context, store *db.Store, c Config) error {
	if err := store.DropPixelSignals(ctx, proofback.System(), c.Retention); err != nil {
		return err
	}
	dropped, err := store.DropPartitions(ctx, proofback.System(), c.Retention)
	if len(dropped) > 0 {
		c.Log.InfoContext(ctx, "dropped what is past its retention", "partitions", dropped)
	}
	if proofback.CodeOf(err) == proofback.CodeUnavailable && ctx.Err() == nil {
		c.Log.WarnContext(ctx, "what is past its retention is not dropped yet", "again_in", dropAgain, "error", err)
		return river.JobSnooze(dropAgain)
	}
	return err
}
