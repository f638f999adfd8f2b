-- What a conversion is held against when it is stored, for less: one trigger with one
-- query where there were two with four. What is new is noted for the counts, as
-- add_conversions does it for what is changed, and on the way held against the closed
-- months.
CREATE FUNCTION refuse_unbooked() RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RAISE EXCEPTION 'a conversion of a closed month was not booked as one'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'conversions_closed_month';
END $$;

CREATE FUNCTION store_conversions() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  -- The lock of hold_books, for which an assignment needs no query. The one below sees
  -- what was committed until then.
  held boolean := pg_advisory_xact_lock_shared(hashtext('proofback.books')) IS NOT NULL;
BEGIN
  INSERT INTO conversion_changes
  SELECT event_at, advertiser_id, offer_id, goal_id, affiliate_id, event_type,
    (status = 'PENDING')::integer,
    (status = 'APPROVED')::integer,
    (status = 'REJECTED')::integer,
    CASE WHEN status = 'APPROVED' THEN coalesce(normal_payout, 0) ELSE 0 END,
    CASE WHEN status = 'PENDING' THEN coalesce(normal_payout, 0) ELSE 0 END,
    CASE WHEN status = 'APPROVED' THEN coalesce(normal_revenue, 0) ELSE 0 END
  FROM made
  WHERE CASE
    -- What comes for a closed month is marked as late, and nothing else is.
    WHEN (settled_status IS NOT NULL) <> (NOT test AND coalesce(event_at < (SELECT max(ends) FROM periods), false))
      OR settled_status <> 'NONE'
    THEN refuse_unbooked()
    ELSE NOT test AND rate_date IS NOT NULL
  END;
  RETURN NULL;
END $$;

DROP TRIGGER conversions_late ON conversions;
DROP FUNCTION mark_late();
DROP TRIGGER conversions_inserted ON conversions;
CREATE TRIGGER conversions_inserted AFTER INSERT ON conversions
  REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION store_conversions();

-- A CHECK is read from its text anew by each COPY. What settled_status may be follows
-- from the above, and from settle_conversion, which sets it; the list of the other is
-- one constant, which is a shorter text. All rows are known to be as it says, which
-- 20261123020103 looks at once more without holding anybody up.
ALTER TABLE conversions
  DROP CONSTRAINT conversions_settled_status_check,
  DROP CONSTRAINT conversions_status_check,
  ADD CONSTRAINT conversions_status_check CHECK (status = ANY ('{PENDING,APPROVED,REJECTED}')) NOT VALID;
