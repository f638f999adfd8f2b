-- How many clicks wait, so that each look counts no more than those that came since the
-- one before: from rolled_to to looked_to, and from pairs_to to rolled_to.
ALTER TABLE rollup_state
  ADD COLUMN waiting integer NOT NULL DEFAULT 0,
  ADD COLUMN pairs_waiting integer NOT NULL DEFAULT 0;
UPDATE rollup_state SET looked_to = rolled_to;
