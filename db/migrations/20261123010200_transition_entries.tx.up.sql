-- Two index entries for each move where there were three, and the smaller ones.

-- A move is known with its conversion wherever it is looked for: one key finds it by
-- either, and keeps it from being stored twice.
DROP INDEX transitions_conversion;
ALTER TABLE transitions DROP CONSTRAINT transitions_id;
ALTER TABLE transitions ADD CONSTRAINT transitions_id PRIMARY KEY (conversion_id, id);

-- All moves of a transaction have the same entry here, which is kept once; those of one
-- are few enough to be sorted by whoever reads them.
DROP INDEX transitions_xact;
CREATE INDEX transitions_xact ON transitions (xact);

-- Moves are stored in the order of their time, nearly: a few bytes for every 64 pages
-- find those of a range of it.
CREATE INDEX transitions_at ON transitions USING brin (at) WITH (pages_per_range = 64, autosummarize = on);

-- Each range asks for a summary when the next one begins. Postgres keeps 256 such requests for the
-- minute until somebody sees to them, and writes a line into its log for each one beyond
-- that; and whoever seals reads what the index has of every range.
DROP INDEX ledger_xact;
CREATE INDEX ledger_xact ON ledger USING brin (xact) WITH (pages_per_range = 128, autosummarize = on);
