-- Proofback held against itself: each run of the checks, and what was found to be
-- different.

CREATE TABLE verifications (
  id          uuid PRIMARY KEY,
  began_at    timestamptz NOT NULL,
  finished_at timestamptz, -- NULL: it is at it, or broke off
  checks      jsonb NOT NULL DEFAULT '[]'
);

-- A difference is written down once and kept. All that may be said of it later is
-- that it was still there, and that it is there no more; what comes back is another.
CREATE TABLE discrepancies (
  id          uuid PRIMARY KEY,
  check_name  text NOT NULL,
  kind        text NOT NULL, -- of the thing that it is about; '' where that has no id
  subject     uuid,
  key         text NOT NULL, -- tells it apart from others of its check
  what        text NOT NULL,
  found_in    uuid NOT NULL, -- the verifications
  found_at    timestamptz NOT NULL,
  seen_in     uuid NOT NULL,
  seen_at     timestamptz NOT NULL,
  resolved_at timestamptz
);
CREATE UNIQUE INDEX discrepancies_open ON discrepancies (check_name, md5(key), md5(what)) WHERE resolved_at IS NULL;

CREATE FUNCTION keep_discrepancy() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.resolved_at IS NOT NULL
    OR (NEW.id, NEW.check_name, NEW.kind, NEW.key, NEW.what, NEW.found_in, NEW.found_at)
      IS DISTINCT FROM (OLD.id, OLD.check_name, OLD.kind, OLD.key, OLD.what, OLD.found_in, OLD.found_at)
    OR NEW.subject IS DISTINCT FROM OLD.subject
  THEN
    RAISE EXCEPTION 'a difference is kept as it was found' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER discrepancies_changed BEFORE UPDATE ON discrepancies FOR EACH ROW EXECUTE FUNCTION keep_discrepancy();
CREATE TRIGGER discrepancies_kept BEFORE DELETE ON discrepancies FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER discrepancies_not_emptied BEFORE TRUNCATE ON discrepancies FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Since when an endpoint has wanted to be told of what it wants to be told of now:
-- only what happened after that must have been recorded for it.
ALTER TABLE destinations ADD COLUMN wants_since timestamptz;
UPDATE destinations SET wants_since = now();
CREATE FUNCTION mark_wanting() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    NEW.wants_since := NEW.created_at;
  ELSIF (NEW.enabled OR NEW.health_state = 'PAUSED', NEW.affiliate_id, NEW.offer_id, NEW.event_type, NEW.statuses)
    IS DISTINCT FROM (OLD.enabled OR OLD.health_state = 'PAUSED', OLD.affiliate_id, OLD.offer_id, OLD.event_type, OLD.statuses)
  THEN
    NEW.wants_since := greatest(clock_timestamp(), NEW.created_at);
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER destinations_want BEFORE INSERT OR UPDATE ON destinations FOR EACH ROW EXECUTE FUNCTION mark_wanting();
