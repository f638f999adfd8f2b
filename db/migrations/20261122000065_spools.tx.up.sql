-- What each process that serves clicks last said of its spool: from when to when
-- the clicks in it were made. Written while it can be, at short intervals; so what
-- was made after a process was last seen may be in its spool as well.
CREATE TABLE spools (
  id      uuid PRIMARY KEY,
  since   timestamptz, -- NULL: it keeps none
  until   timestamptz,
  seen_at timestamptz NOT NULL
);

-- A request whose click is not stored yet cannot be read with its advertiser's
-- names, nor prove whose it is: it is kept as it came, encrypted, until it can.
ALTER TABLE deferred ADD COLUMN sealed bytea;
