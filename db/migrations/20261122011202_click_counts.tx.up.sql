-- What each process that serves clicks counted of them, by the hour in which they were
-- made. A process says it as long as it lives; once the hour is over the row is closed,
-- entered into the ledger, and never changed.
CREATE TABLE click_counts (
  id        uuid PRIMARY KEY,
  process   uuid,                 -- NULL: clicks that no visitor made (Store.InsertClicks)
  hour      timestamptz NOT NULL CHECK (hour = date_trunc('hour', hour AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'),
  accepted  bigint NOT NULL CHECK (accepted >= stored + spooled + refused),
  stored    bigint NOT NULL CHECK (stored >= 0), -- answered after they were committed
  spooled   bigint NOT NULL CHECK (spooled >= 0), -- answered after they were on disk
  refused   bigint NOT NULL CHECK (refused >= 0), -- answered with 503
  said_at   timestamptz NOT NULL,
  complete  boolean NOT NULL,     -- the process says that nothing more comes
  closed_at timestamptz
);
CREATE INDEX click_counts_hour ON click_counts (hour);
CREATE UNIQUE INDEX click_counts_open ON click_counts (hour, process) WHERE closed_at IS NULL;

CREATE FUNCTION keep_click_count() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.closed_at IS NOT NULL OR (NEW.id, NEW.hour) <> (OLD.id, OLD.hour) OR NEW.process IS DISTINCT FROM OLD.process THEN
    RAISE EXCEPTION 'a count of clicks is in the ledger' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER click_counts_changed BEFORE UPDATE ON click_counts FOR EACH ROW EXECUTE FUNCTION keep_click_count();
CREATE TRIGGER click_counts_kept BEFORE DELETE ON click_counts FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER click_counts_not_emptied BEFORE TRUNCATE ON click_counts FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Of the hour in which counting begins, nobody knows how many clicks there were before.
INSERT INTO click_counts (id, hour, accepted, stored, spooled, refused, said_at, complete)
SELECT gen_random_uuid(), date_trunc('hour', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC', 0, 0, 0, 0, now(), false
WHERE EXISTS (SELECT FROM clicks);
