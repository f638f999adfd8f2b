package jobs

import "testing"

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
