-- Counts of clicks by UTC day. The two narrow tables tell the quarter hours of
-- their day apart: at has those in which there was a click, in order, and
-- clicks_to and bots_to how many there were from midnight to their end. So one row
-- answers for any part of the day, in every time zone. The others are whole days.
-- What the tables held before is counted anew.
DROP TABLE rollup_quarters, rollup_hours, rollup_days, rollup_day_affiliates, rollup_day_countries, rollup_day_devices, rollup_day_subs;
DELETE FROM rollup_state;
ALTER TABLE rollup_state ADD COLUMN looked_to timestamptz NOT NULL; -- up to where it was seen how many clicks wait

CREATE TABLE rollup_offers (
  day           date NOT NULL,
  offer_id      uuid NOT NULL,
  advertiser_id uuid NOT NULL,
  clicks        integer NOT NULL,
  bots          integer NOT NULL,
  at            smallint[] NOT NULL,
  clicks_to     integer[] NOT NULL,
  bots_to       integer[] NOT NULL,
  CONSTRAINT rollup_offers_key PRIMARY KEY (day, offer_id, advertiser_id)
) WITH (fillfactor = 70);

CREATE TABLE rollup_pairs (
  day           date NOT NULL,
  affiliate_id  uuid NOT NULL,
  offer_id      uuid NOT NULL,
  advertiser_id uuid NOT NULL,
  clicks        integer NOT NULL,
  bots          integer NOT NULL,
  at            smallint[] NOT NULL,
  clicks_to     integer[] NOT NULL,
  bots_to       integer[] NOT NULL,
  CONSTRAINT rollup_pairs_key PRIMARY KEY (day, affiliate_id, offer_id, advertiser_id)
) WITH (fillfactor = 70);

-- A day of these is written once. They have no unique key, which would cost more
-- than all else: only one process writes, and verifying counts every row.
CREATE TABLE rollup_devices (
  day           date NOT NULL,
  affiliate_id  uuid NOT NULL,
  offer_id      uuid NOT NULL,
  advertiser_id uuid NOT NULL,
  clicks        integer NOT NULL,
  bots          integer NOT NULL,
  device        text NOT NULL
);
CREATE INDEX rollup_devices_key ON rollup_devices (day, affiliate_id);

CREATE TABLE rollup_countries (
  day           date NOT NULL,
  affiliate_id  uuid NOT NULL,
  offer_id      uuid NOT NULL,
  advertiser_id uuid NOT NULL,
  clicks        integer NOT NULL,
  bots          integer NOT NULL,
  country       text NOT NULL
);
CREATE INDEX rollup_countries_key ON rollup_countries (day, affiliate_id);

CREATE TABLE rollup_subs (
  day           date NOT NULL,
  affiliate_id  uuid NOT NULL,
  offer_id      uuid NOT NULL,
  advertiser_id uuid NOT NULL,
  clicks        integer NOT NULL,
  bots          integer NOT NULL,
  sub1          text NOT NULL
);
CREATE INDEX rollup_subs_key ON rollup_subs (day, affiliate_id);

-- Partners read their own rows, and nothing of counts that do not tell them apart.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['rollup_pairs', 'rollup_devices', 'rollup_countries', 'rollup_subs', 'rollup_offers'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('GRANT SELECT ON %I TO proofback_affiliate, proofback_advertiser', name);
    EXECUTE format('CREATE POLICY affiliate ON %I TO proofback_affiliate USING (%s)', name,
      CASE WHEN name = 'rollup_offers' THEN 'false' ELSE $p$affiliate_id = current_setting('proofback.affiliate_id')::uuid$p$ END);
    EXECUTE format('CREATE POLICY advertiser ON %I TO proofback_advertiser USING (%s)', name,
      'advertiser_id = current_setting(''proofback.advertiser_id'')::uuid');
  END LOOP;
END $$;
