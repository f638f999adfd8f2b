-- The level by affiliate and offer may stay behind that by offer while a day goes on: up
-- to where it is counted. NULL is up to rolled_to.
ALTER TABLE rollup_state ADD COLUMN pairs_to timestamptz;
