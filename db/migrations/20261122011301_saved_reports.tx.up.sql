-- Reports that users have kept, to be made again by a schedule or when somebody asks,
-- always under the rights of their users.
CREATE TABLE saved_reports (
  id            uuid NOT NULL,
  user_id       uuid NOT NULL REFERENCES users,
  affiliate_id  uuid REFERENCES affiliates,  -- the user's
  advertiser_id uuid REFERENCES advertisers, -- the user's
  name          text NOT NULL,
  query         jsonb NOT NULL,
  format        text NOT NULL CHECK (format IN ('CSV', 'JSON_LINES')),
  time_zone     text NOT NULL,
  schedule      text NOT NULL,
  next_run_at   timestamptz, -- NULL for never
  created_at    timestamptz NOT NULL,
  archived_at   timestamptz,
  CONSTRAINT saved_reports_id PRIMARY KEY (id),
  CONSTRAINT saved_reports_archived CHECK (archived_at IS NULL OR next_run_at IS NULL)
);
CREATE INDEX saved_reports_user ON saved_reports (user_id, id);
CREATE INDEX saved_reports_affiliate ON saved_reports (affiliate_id, id) WHERE affiliate_id IS NOT NULL;
CREATE INDEX saved_reports_advertiser ON saved_reports (advertiser_id, id) WHERE advertiser_id IS NOT NULL;
CREATE INDEX saved_reports_due ON saved_reports (next_run_at) WHERE next_run_at IS NOT NULL;

-- Each time that one was made. The partner is that whose rights it was made under: who
-- has come to be somebody else's has no right to it any more.
CREATE TABLE report_runs (
  id            uuid NOT NULL,
  report_id     uuid NOT NULL REFERENCES saved_reports,
  user_id       uuid NOT NULL,
  affiliate_id  uuid,
  advertiser_id uuid,
  status        text NOT NULL CHECK (status IN ('QUEUED', 'RUNNING', 'DONE', 'FAILED')),
  scheduled     boolean NOT NULL,
  at            timestamptz NOT NULL, -- that its period is seen from
  name          text NOT NULL,
  format        text NOT NULL,
  range_from    timestamptz,
  range_to      timestamptz,
  created_at    timestamptz NOT NULL,
  started_at    timestamptz,
  finished_at   timestamptz,
  rows          bigint NOT NULL DEFAULT 0,
  bytes         bigint NOT NULL DEFAULT 0, -- of the file
  stored        bigint NOT NULL DEFAULT 0, -- of its chunks
  kept_until    timestamptz,
  error         text NOT NULL DEFAULT '',
  CONSTRAINT report_runs_id PRIMARY KEY (id)
);
-- One at a time is under way: whoever asks for another meanwhile gets that one.
CREATE UNIQUE INDEX report_runs_under_way ON report_runs (report_id) WHERE status IN ('QUEUED', 'RUNNING');
CREATE INDEX report_runs_report ON report_runs (report_id, id);
CREATE INDEX report_runs_user ON report_runs (user_id, id);
CREATE INDEX report_runs_kept ON report_runs (kept_until);

-- The files, compressed, in pieces: processes share nothing but Postgres.
CREATE TABLE report_files (
  run_id uuid NOT NULL REFERENCES report_runs ON DELETE CASCADE,
  number integer NOT NULL,
  data   bytea NOT NULL,
  CONSTRAINT report_files_number PRIMARY KEY (run_id, number)
);
ALTER TABLE report_files ALTER COLUMN data SET STORAGE EXTERNAL;

-- Somebody can be told of them as of endpoints: a partner of its own, staff of those of
-- staff, for which neither partner is named.
ALTER TABLE notices
  ALTER COLUMN affiliate_id DROP NOT NULL,
  ALTER COLUMN destination_id DROP NOT NULL,
  ADD COLUMN advertiser_id uuid,
  ADD COLUMN saved_report_id uuid;
CREATE INDEX notices_advertiser ON notices (advertiser_id, id) WHERE advertiser_id IS NOT NULL;
DROP POLICY advertiser ON notices;
CREATE POLICY advertiser ON notices TO proofback_advertiser
USING (advertiser_id = current_setting('proofback.advertiser_id')::uuid);

-- Partners see those of their own company, and write them for themselves.
DO $$
DECLARE
  name text;
  kind text;
BEGIN
  FOREACH name IN ARRAY ARRAY['saved_reports', 'report_runs'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('GRANT SELECT, INSERT ON %I TO proofback_affiliate, proofback_advertiser', name);
    FOREACH kind IN ARRAY ARRAY['affiliate', 'advertiser'] LOOP
      EXECUTE format($p$
        CREATE POLICY %1$s ON %2$I TO proofback_%1$s
        USING (%1$s_id = current_setting('proofback.%1$s_id')::uuid)$p$, kind, name);
    END LOOP;
  END LOOP;
  ALTER TABLE report_files ENABLE ROW LEVEL SECURITY;
  GRANT SELECT ON report_files TO proofback_affiliate, proofback_advertiser;
  CREATE POLICY affiliate ON report_files TO proofback_affiliate
  USING (EXISTS (SELECT FROM report_runs AS r WHERE r.id = run_id));
  CREATE POLICY advertiser ON report_files TO proofback_advertiser
  USING (EXISTS (SELECT FROM report_runs AS r WHERE r.id = run_id));
  GRANT UPDATE (name, query, format, time_zone, schedule, next_run_at, archived_at)
  ON saved_reports TO proofback_affiliate, proofback_advertiser;
END $$;
