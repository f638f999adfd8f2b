-- River's GIN indexes over what jobs are about. Nothing here asks by them, and each
-- job that is made, fetched and completed pays for both; the backend that fills
-- their pending list writes all of it at once, while others wait
-- (docs/bench/deliveries.md). Jobs are found by id, kind, queue and state as before.
DROP INDEX IF EXISTS river_job_args_index;
DROP INDEX IF EXISTS river_job_metadata_index;
