package db

import (
	"context"
	"time"

	"github.com/proofback/proofback"
)

// RescueJobs gives jobs that have been running for longer than they may back to
// be worked on: the process that worked on them has died. River does the same,
// from the process that leads and each half a minute; this may run anywhere and
// more often.
func (s *Store) RescueJobs(ctx context.Context, actor proofback.Actor, queues []string, runningFor time.Duration) (rescued int, err error) {
	if actor.Role != proofback.RoleSystem {
		return 0, errSystemOnly
	}
	// A job that is given up after too many attempts ends as River lets it end.
	tag, err := s.pool.Exec(ctx, `
		UPDATE river_job
		SET state = 'available', scheduled_at = now()
		WHERE state = 'running'
		  AND queue = ANY ($1)
		  AND attempted_at < now() - $2::bigint * interval '1 ms'
		  AND attempt < max_attempts`, queues, runningFor.Milliseconds())
	return int(tag.RowsAffected()), domainError(err)
}
