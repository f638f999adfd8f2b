-- What changed, in an order that no late commit can disturb: subscribers are told of
-- the transactions that are not in the snapshot up to which they were told.

-- Rows that are there already have none: whoever asks begins after them.
ALTER TABLE transitions ADD COLUMN xact bigint;
ALTER TABLE transitions ALTER COLUMN xact SET DEFAULT (pg_current_xact_id()::text::bigint);
CREATE INDEX transitions_xact ON transitions (xact, id);

ALTER TABLE adjustments ADD COLUMN xact bigint;
ALTER TABLE adjustments ALTER COLUMN xact SET DEFAULT (pg_current_xact_id()::text::bigint);
CREATE INDEX adjustments_xact ON adjustments (xact, id);
