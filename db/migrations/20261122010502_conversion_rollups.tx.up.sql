-- Conversions by the UTC day of their events, in the network's currency and its
-- minor units, cut into quarter hours as clicks are (rollup_offers). A conversion
-- that waits for its rate is not in it, and neither is a test.
CREATE TABLE rollup_offer_conversions (
  day               date NOT NULL,
  offer_id          uuid NOT NULL,
  advertiser_id     uuid NOT NULL,
  goal_id           uuid NOT NULL,
  event_type        text NOT NULL,
  pending           integer NOT NULL,
  approved          integer NOT NULL,
  rejected          integer NOT NULL,
  payout            bigint NOT NULL,
  pending_payout    bigint NOT NULL,
  revenue           bigint NOT NULL,
  at                smallint[] NOT NULL,
  pending_to        integer[] NOT NULL,
  approved_to       integer[] NOT NULL,
  rejected_to       integer[] NOT NULL,
  payout_to         bigint[] NOT NULL,
  pending_payout_to bigint[] NOT NULL,
  revenue_to        bigint[] NOT NULL
);
CREATE INDEX rollup_offer_conversions_key ON rollup_offer_conversions (day, offer_id);

CREATE TABLE rollup_affiliate_conversions (
  day               date NOT NULL,
  affiliate_id      uuid NOT NULL,
  pending           integer NOT NULL,
  approved          integer NOT NULL,
  rejected          integer NOT NULL,
  payout            bigint NOT NULL,
  pending_payout    bigint NOT NULL,
  revenue           bigint NOT NULL,
  at                smallint[] NOT NULL,
  pending_to        integer[] NOT NULL,
  approved_to       integer[] NOT NULL,
  rejected_to       integer[] NOT NULL,
  payout_to         bigint[] NOT NULL,
  pending_payout_to bigint[] NOT NULL,
  revenue_to        bigint[] NOT NULL
);
CREATE INDEX rollup_affiliate_conversions_key ON rollup_affiliate_conversions (day, affiliate_id);

-- What happened to conversions since they were counted: what each change takes
-- away and what it adds. Whoever writes a conversion writes this in the same
-- transaction, and what is counted anew is removed in that one, so the counts and
-- the changes together are the conversions of every snapshot.
CREATE TABLE conversion_changes (
  event_at       timestamptz NOT NULL,
  advertiser_id  uuid NOT NULL,
  offer_id       uuid NOT NULL,
  goal_id        uuid NOT NULL,
  affiliate_id   uuid NOT NULL,
  event_type     text NOT NULL,
  pending        integer NOT NULL,
  approved       integer NOT NULL,
  rejected       integer NOT NULL,
  payout         numeric NOT NULL,
  pending_payout numeric NOT NULL,
  revenue        numeric NOT NULL
);

CREATE FUNCTION add_conversions() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO conversion_changes
  SELECT event_at, advertiser_id, offer_id, goal_id, affiliate_id, event_type,
    CASE status WHEN 'PENDING' THEN 1 ELSE 0 END,
    CASE status WHEN 'APPROVED' THEN 1 ELSE 0 END,
    CASE status WHEN 'REJECTED' THEN 1 ELSE 0 END,
    CASE status WHEN 'APPROVED' THEN coalesce(normal_payout, 0) ELSE 0 END,
    CASE status WHEN 'PENDING' THEN coalesce(normal_payout, 0) ELSE 0 END,
    CASE status WHEN 'APPROVED' THEN coalesce(normal_revenue, 0) ELSE 0 END
  FROM made
  WHERE NOT test
  AND rate_date IS NOT NULL;
  RETURN NULL;
END $$;

CREATE FUNCTION take_conversions() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO conversion_changes
  SELECT event_at, advertiser_id, offer_id, goal_id, affiliate_id, event_type,
    CASE status WHEN 'PENDING' THEN -1 ELSE 0 END,
    CASE status WHEN 'APPROVED' THEN -1 ELSE 0 END,
    CASE status WHEN 'REJECTED' THEN -1 ELSE 0 END,
    CASE status WHEN 'APPROVED' THEN -coalesce(normal_payout, 0) ELSE 0 END,
    CASE status WHEN 'PENDING' THEN -coalesce(normal_payout, 0) ELSE 0 END,
    CASE status WHEN 'APPROVED' THEN -coalesce(normal_revenue, 0) ELSE 0 END
  FROM gone
  WHERE NOT test
  AND rate_date IS NOT NULL;
  RETURN NULL;
END $$;

CREATE TRIGGER conversions_inserted AFTER INSERT ON conversions
  REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION add_conversions();
CREATE TRIGGER conversions_updated AFTER UPDATE ON conversions
  REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION add_conversions();
CREATE TRIGGER conversions_were AFTER UPDATE ON conversions
  REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION take_conversions();
CREATE TRIGGER conversions_deleted AFTER DELETE ON conversions
  REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION take_conversions();

-- All that there are have yet to be counted.
INSERT INTO conversion_changes
SELECT event_at, advertiser_id, offer_id, goal_id, affiliate_id, event_type,
  CASE status WHEN 'PENDING' THEN 1 ELSE 0 END,
  CASE status WHEN 'APPROVED' THEN 1 ELSE 0 END,
  CASE status WHEN 'REJECTED' THEN 1 ELSE 0 END,
  CASE status WHEN 'APPROVED' THEN coalesce(normal_payout, 0) ELSE 0 END,
  CASE status WHEN 'PENDING' THEN coalesce(normal_payout, 0) ELSE 0 END,
  CASE status WHEN 'APPROVED' THEN coalesce(normal_revenue, 0) ELSE 0 END
FROM conversions
WHERE NOT test
AND rate_date IS NOT NULL;

-- Those that wait for their rate are read one by one.
CREATE INDEX conversions_waiting_event ON conversions (event_at) WHERE rate_date IS NULL;

-- Partners read their own rows, and nothing of counts that do not tell them apart.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['conversion_changes', 'rollup_offer_conversions', 'rollup_affiliate_conversions'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('GRANT SELECT ON %I TO proofback_affiliate, proofback_advertiser', name);
    EXECUTE format('CREATE POLICY affiliate ON %I TO proofback_affiliate USING (%s)', name,
      CASE WHEN name = 'rollup_offer_conversions' THEN 'false' ELSE $p$affiliate_id = current_setting('proofback.affiliate_id')::uuid$p$ END);
    EXECUTE format('CREATE POLICY advertiser ON %I TO proofback_advertiser USING (%s)', name,
      CASE WHEN name = 'rollup_affiliate_conversions' THEN 'false' ELSE $p$advertiser_id = current_setting('proofback.advertiser_id')::uuid$p$ END);
  END LOOP;
END $$;
