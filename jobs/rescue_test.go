package jobs

import (
	"testing"
	"time"

	"github.com/proofback/proofback"
)

func TestJobsAreRescuedBetweenHalfAMinuteAndAMinute(t *testing.T) {
	t.Parallel()
	if rescueAfter < 30*time.Second || rescueAfter+rescueEvery > time.Minute {
		t.Errorf("after %s, looked for each %s", rescueAfter, rescueEvery)
	}
	// Who still works must not be taken for dead.
	if longest := patience*2 + jobTimeout; longest >= rescueAfter {
		t.Errorf("a job may take %s", longest)
	}
}

func TestRescueTakesUpWhatADeadProcessRanAndNothingElse(t *testing.T) {
	t.Parallel()
	f := setup(t)
	jobs := map[string]bool{} // by what they stand for, whether they are rescued
	for _, job := range []struct {
		what, queue, state string
		ago                time.Duration
		attempt            int
		rescued            bool
	}{
		{"dead", queueDeliver, "running", rescueAfter + time.Second, 1, true},
		{"dead fan-out", queueFanOut, "running", rescueAfter + time.Second, 3, true},
		{"alive", queueDeliver, "running", rescueAfter - 10*time.Second, 1, false},
		{"done", queueDeliver, "completed", time.Hour, 1, false},
		{"another queue's", queueUpkeep, "running", time.Hour, 1, false},
		{"tried too often", queueDeliver, "running", time.Hour, 25, false},
	} {
		jobs[job.what] = job.rescued
		f.exec(t, `
			INSERT INTO river_job (args, kind, max_attempts, queue, state, attempt, attempted_at, finalized_at, tags)
			VALUES ('{}', $1, 25, $2, $3::river_job_state, $4, now() - $5::interval, CASE WHEN $3 = 'completed' THEN now() END, '{}')`,
			job.what, job.queue, job.state, job.attempt, job.ago)
	}
	n, err := f.store.RescueJobs(t.Context(), proofback.System(), []string{queueDeliver, queueFanOut}, rescueAfter)
	if err != nil || n != 2 {
		t.Errorf("%d are rescued, %v", n, err)
	}
	for what, rescued := range jobs {
		f.eventually(t, what, `SELECT count(*) FROM river_job WHERE kind = $1 AND (state = 'available') = $2`, 1, what, rescued)
	}
	if _, err := f.store.RescueJobs(t.Context(), f.owner(), nil, 0); proofback.CodeOf(err) != proofback.CodeForbidden {
		t.Errorf("an affiliate gets %v", err)
	}
}
