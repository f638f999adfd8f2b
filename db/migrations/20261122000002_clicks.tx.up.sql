-- Clicks, in one partition for each UTC day of their UUIDv7 key. The key's first
-- 48 bits are its milliseconds (RFC 9562), so a day is a range of keys.

-- The smallest UUIDv7 of a moment: the lower bound of everything made at or after it.
CREATE FUNCTION uuid_floor(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid
$$;

-- User agents and referrers repeat: a click keeps the first eight bytes of the
-- SHA-256 of the text, and the text is kept once. 0 stands for none.
CREATE TABLE user_agents (
  id    bigint PRIMARY KEY,
  value text NOT NULL
);
CREATE TABLE referrers (
  id    bigint PRIMARY KEY,
  value text NOT NULL
);

CREATE TABLE clicks (
  id            uuid NOT NULL,
  at            timestamptz NOT NULL,
  link_id       uuid NOT NULL,
  offer_id      uuid NOT NULL,
  affiliate_id  uuid NOT NULL,
  advertiser_id uuid NOT NULL,
  terms_id      uuid NOT NULL,
  user_agent_id bigint NOT NULL,
  referrer_id   bigint NOT NULL,
  outcome       smallint NOT NULL,
  flags         smallint NOT NULL,
  bot           boolean NOT NULL,
  country       text,
  device        text NOT NULL,
  ip            inet,
  source        text,
  creative      text,
  sub1          text,
  sub2          text,
  sub3          text,
  sub4          text,
  sub5          text,
  sub6          text,
  sub7          text,
  sub8          text,
  sub9          text,
  sub10         text,
  CONSTRAINT clicks_id PRIMARY KEY (id)
) PARTITION BY RANGE (id);

-- An affiliate's own clicks, newest first.
CREATE INDEX clicks_affiliate ON clicks (affiliate_id, id);

-- Catches what no day's partition takes, so that a late job loses nothing; it
-- should be empty.
CREATE TABLE clicks_default PARTITION OF clicks DEFAULT;

-- The postback log, partitioned in the same way by request id.
CREATE TABLE postbacks (
  id              uuid NOT NULL,
  received_at     timestamptz NOT NULL,
  method          text NOT NULL,
  url             text NOT NULL,
  remote_ip       text NOT NULL,
  parameters      jsonb NOT NULL,
  advertiser_id   uuid,
  offer_id        uuid,
  affiliate_id    uuid,
  click_id        uuid,
  txid            text,
  event_type      text,
  result          text NOT NULL,
  reason          text NOT NULL,
  message         text NOT NULL,
  checks          jsonb NOT NULL,
  response_status smallint NOT NULL,
  response_body   text NOT NULL,
  duration        interval NOT NULL,
  conversion_id   uuid,
  replay_of       uuid,
  CONSTRAINT postbacks_id PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE INDEX postbacks_click ON postbacks (click_id, id) WHERE click_id IS NOT NULL;
CREATE INDEX postbacks_txid ON postbacks (txid, id) WHERE txid IS NOT NULL;
CREATE INDEX postbacks_advertiser ON postbacks (advertiser_id, id);
CREATE TABLE postbacks_default PARTITION OF postbacks DEFAULT;

-- Makes the partitions of both tables for each UTC day from first to last that
-- has none yet, and returns how many it made. A partition is made beside its table
-- and then attached: unlike CREATE TABLE … PARTITION OF, that lets writers go on.
-- Rows of the day that the default partition caught move over.
CREATE FUNCTION make_partitions(first date, last date) RETURNS integer
LANGUAGE plpgsql
SET lock_timeout = '5s' -- a reader of the default partition may be long; try again later
AS $$
DECLARE
  day   date;
  kind  text;
  name  text;
  lower uuid;
  upper uuid;
  made  integer := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('proofback.make_partitions'));
  FOR day IN SELECT generate_series(first, last, interval '1 day')::date LOOP
    lower := uuid_floor(day::timestamp AT TIME ZONE 'UTC');
    upper := uuid_floor((day + 1)::timestamp AT TIME ZONE 'UTC');
    FOREACH kind IN ARRAY ARRAY['clicks', 'postbacks'] LOOP
      name := kind || '_' || to_char(day, 'YYYYMMDD');
      CONTINUE WHEN to_regclass(name) IS NOT NULL;
      EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', name, kind);
      EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', kind || '_default');
      EXECUTE format(
        'WITH late AS (DELETE FROM %I WHERE id >= %L AND id < %L RETURNING *) INSERT INTO %I SELECT * FROM late',
        kind || '_default', lower, upper, name);
      EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', kind, name, lower, upper);
      made := made + 1;
    END LOOP;
  END LOOP;
  RETURN made;
END $$;
