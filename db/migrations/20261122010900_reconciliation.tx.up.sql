-- Advertisers' lists of events, and what came of comparing them with ours.

CREATE TABLE reconciliations (
  id            uuid NOT NULL,
  advertiser_id uuid NOT NULL,
  source        text NOT NULL, -- UPLOAD, or the URL of a feed
  status        text NOT NULL CHECK (status IN ('QUEUED', 'RUNNING', 'DONE', 'FAILED')),
  range_from    timestamptz NOT NULL,
  range_to      timestamptz NOT NULL,
  created_at    timestamptz NOT NULL,
  created_by    uuid,
  finished_at   timestamptz,
  error         text NOT NULL DEFAULT '',
  progress      smallint NOT NULL DEFAULT 0,
  lines         bigint NOT NULL DEFAULT 0,
  bad_lines     bigint NOT NULL DEFAULT 0,
  by_revenue    boolean NOT NULL DEFAULT false,
  CONSTRAINT reconciliations_id PRIMARY KEY (id)
);
CREATE INDEX reconciliations_advertiser ON reconciliations (advertiser_id, id);

-- The lines of a list, as they were read.
CREATE TABLE reconciliation_rows (
  reconciliation_id uuid NOT NULL,
  line              bigint NOT NULL,
  raw               text NOT NULL,
  problem           text NOT NULL, -- '' where it can be compared
  txid              text,
  click_id          uuid,
  event_type        text,
  amount            numeric,
  revenue           numeric,
  currency          text,
  status            text,
  at                timestamptz,
  CONSTRAINT reconciliation_rows_line PRIMARY KEY (reconciliation_id, line)
);

-- Each line and each conversion, once, and how it stands.
CREATE TABLE reconciliation_items (
  reconciliation_id   uuid NOT NULL,
  n                   bigint NOT NULL,
  kind                text NOT NULL,
  line                bigint,
  conversion_id       uuid,
  suggested_id        uuid,
  txid                text,
  detail              text NOT NULL,
  platform_amount     numeric,
  platform_currency   text,
  advertiser_amount   numeric,
  advertiser_currency text,
  CONSTRAINT reconciliation_items_n PRIMARY KEY (reconciliation_id, n)
);
CREATE INDEX reconciliation_items_kind ON reconciliation_items (reconciliation_id, kind, n);

CREATE TABLE reconciliation_summary (
  reconciliation_id   uuid NOT NULL,
  kind                text NOT NULL,
  platform_currency   text,
  advertiser_currency text,
  count               bigint NOT NULL,
  platform_amount     numeric,
  advertiser_amount   numeric
);
CREATE INDEX reconciliation_summary_of ON reconciliation_summary (reconciliation_id);

-- Lists that are fetched by a schedule.
CREATE TABLE reconciliation_feeds (
  id            uuid NOT NULL,
  advertiser_id uuid NOT NULL REFERENCES advertisers,
  url           text NOT NULL,
  format        text NOT NULL CHECK (format IN ('CSV', 'JSON_LINES')),
  schedule      text NOT NULL,
  columns       jsonb NOT NULL,
  days          integer NOT NULL,
  enabled       boolean NOT NULL,
  etag          text NOT NULL DEFAULT '',
  next_run_at   timestamptz NOT NULL,
  last_run      uuid,
  created_at    timestamptz NOT NULL,
  CONSTRAINT reconciliation_feeds_id PRIMARY KEY (id),
  CONSTRAINT reconciliation_feeds_advertiser UNIQUE (advertiser_id)
);
CREATE INDEX reconciliation_feeds_due ON reconciliation_feeds (next_run_at) WHERE enabled;

-- An advertiser sees its own; an affiliate none.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['reconciliations', 'reconciliation_feeds'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format($p$
      CREATE POLICY advertiser ON %I TO proofback_advertiser
      USING (advertiser_id = current_setting('proofback.advertiser_id')::uuid)$p$, name);
  END LOOP;
  FOREACH name IN ARRAY ARRAY['reconciliation_rows', 'reconciliation_items', 'reconciliation_summary'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format($p$
      CREATE POLICY advertiser ON %I TO proofback_advertiser
      USING (EXISTS (SELECT FROM reconciliations AS r WHERE r.id = reconciliation_id))$p$, name);
  END LOOP;
  FOREACH name IN ARRAY ARRAY['reconciliations', 'reconciliation_feeds', 'reconciliation_rows', 'reconciliation_items', 'reconciliation_summary'] LOOP
    EXECUTE format('GRANT SELECT ON %I TO proofback_affiliate, proofback_advertiser', name);
    EXECUTE format('CREATE POLICY affiliate ON %I TO proofback_affiliate USING (false)', name);
  END LOOP;
END $$;
