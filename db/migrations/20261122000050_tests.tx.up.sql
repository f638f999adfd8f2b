-- What comes of a click that was made to test an integration is marked, and
-- counts for nothing. A test's transaction id takes none from a real event.
ALTER TABLE conversions ADD COLUMN test boolean NOT NULL DEFAULT false;
ALTER TABLE conversions DROP CONSTRAINT conversions_txid;
ALTER TABLE conversions ADD CONSTRAINT conversions_txid UNIQUE (advertiser_id, txid, goal_id, test);
