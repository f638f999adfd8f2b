package jobs

import (
	"context"
	"log/slog"
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// rescueTimeout bounds one look.
const rescueTimeout = 10 * time.Second

func rescueOnce(ctx context.Context, store *db.Store) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, rescueTimeout)
	defer cancel()
	return store.RescueJobs(ctx, proofback.System(), []string{queueDeliver, queueFanOut}, rescueAfter)
}

// rescueEvery is how often each process looks for what another one died over.
const rescueEvery = 5 * time.Second

// rescue gives back jobs that a process died over, until ctx ends. River's leader
// does so as well, but it takes a while until there is one after a death, and it
// looks each 30 s: what was in flight would come after more than a minute.
func rescue(ctx context.Context, store *db.Store, log *slog.Logger) {
	tick := time.NewTicker(rescueEvery)
	defer tick.Stop()
	for {
		n, err := rescueOnce(ctx, store)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			log.WarnContext(ctx, "no look for jobs that a process died over", "error", err)
		case n > 0:
			log.WarnContext(ctx, "jobs are done again that a process died over", "jobs", n)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
