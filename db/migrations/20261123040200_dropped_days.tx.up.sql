-- A day whose clicks were counted and then dropped gets no partition of clicks again: that it
-- has one says that its clicks are there, and whoever counts it anew would lose the count.
-- Clicks that come for it all the same, out of a spool, are in the default partition until
-- they are dropped too. And whoever needs the days of one table makes those of no other.
DROP FUNCTION make_partitions(date, date);
CREATE FUNCTION make_partitions(first date, last date, tables text[] DEFAULT ARRAY['clicks', 'postbacks']) RETURNS integer
LANGUAGE plpgsql
SET lock_timeout = '500ms' -- while a long query reads the default one, whoever reads it next waits behind the lock
AS $$
DECLARE
  made_for date;
  kind     text;
  name     text;
  lower    uuid;
  upper    uuid;
  made     integer := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('proofback.make_partitions'));
  FOR made_for IN SELECT generate_series(first, last, interval '1 day')::date LOOP
    lower := uuid_floor(made_for::timestamp AT TIME ZONE 'UTC');
    upper := uuid_floor((made_for + 1)::timestamp AT TIME ZONE 'UTC');
    FOREACH kind IN ARRAY tables LOOP
      name := kind || '_' || to_char(made_for, 'YYYYMMDD');
      CONTINUE WHEN to_regclass(name) IS NOT NULL;
      CONTINUE WHEN kind = 'clicks'
        AND (SELECT coalesce(sum(r.clicks + r.bots), 0) FROM rollup_offers AS r WHERE r.day = made_for)
          > (SELECT count(*)
             FROM clicks_default AS c
             WHERE c.id >= lower AND c.id < upper
             AND c.outcome = 0 AND c.link_id <> '00000000-0000-0000-0000-000000000000'); -- what is counted
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
