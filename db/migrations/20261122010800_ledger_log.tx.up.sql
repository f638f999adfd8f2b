-- The ledger as a log that outsiders can check: its entries get the secrets that
-- let them be shown in part, and an order that no late commit can disturb.

ALTER TABLE ledger
  ADD COLUMN salt bytea,
  -- The transaction that wrote the entry: whoever seals looks from the oldest
  -- transaction on that was still running when it last looked.
  ADD COLUMN xact bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint);
-- Entries are written in the order of their transactions, nearly: a few bytes for
-- every sixteen pages find them.
CREATE INDEX ledger_xact ON ledger USING brin (xact) WITH (pages_per_range = 16, autosummarize = on);

-- The place of each entry in the log: given when it is sealed, once.
CREATE TABLE ledger_leaves (
  seq   bigint NOT NULL,
  entry uuid NOT NULL,
  CONSTRAINT ledger_leaves_seq PRIMARY KEY (seq),
  CONSTRAINT ledger_leaves_entry UNIQUE (entry)
);
CREATE TRIGGER ledger_leaves_kept BEFORE UPDATE OR DELETE ON ledger_leaves FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_leaves_not_emptied BEFORE TRUNCATE ON ledger_leaves FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The hashes of the tree (RFC 6962), 256 of one level to a row, 32 bytes each; the
-- last row of a level grows.
CREATE TABLE ledger_tiles (
  level  smallint NOT NULL,
  n      bigint NOT NULL,
  hashes bytea NOT NULL,
  CONSTRAINT ledger_tiles_place PRIMARY KEY (level, n)
);

-- What was signed.
CREATE TABLE ledger_checkpoints (
  size      bigint NOT NULL,
  note      text NOT NULL,
  signed_at timestamptz NOT NULL,
  CONSTRAINT ledger_checkpoints_size PRIMARY KEY (size)
);
CREATE TRIGGER ledger_checkpoints_kept BEFORE UPDATE OR DELETE ON ledger_checkpoints FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_checkpoints_not_emptied BEFORE TRUNCATE ON ledger_checkpoints FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- How far sealing has looked; the row is what sealers take turns by.
CREATE TABLE ledger_sealing (
  id   boolean NOT NULL DEFAULT true CHECK (id),
  xact bigint NOT NULL,
  CONSTRAINT ledger_sealing_one PRIMARY KEY (id)
);
INSERT INTO ledger_sealing (xact) VALUES (0);
