-- Months that finance has closed, and what is booked beside the conversions since.
-- That nothing in a closed month changes is held here, whoever writes.

CREATE TABLE periods (
  id        uuid PRIMARY KEY,
  starts    timestamptz NOT NULL CONSTRAINT periods_once UNIQUE,
  ends      timestamptz NOT NULL CONSTRAINT periods_ends UNIQUE,
  closed_at timestamptz NOT NULL,
  closed_by uuid,
  CONSTRAINT periods_month CHECK (
    starts = date_trunc('month', starts AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
    AND ends = (starts AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC'),
  CONSTRAINT periods_over CHECK (closed_at >= ends)
);
CREATE TRIGGER periods_kept BEFORE UPDATE OR DELETE ON periods FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER periods_not_emptied BEFORE TRUNCATE ON periods FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- hold_books keeps months from being closed until the transaction ends, and tells up
-- to where they are: NULL when none is. Whoever books takes it before any other lock.
-- Each query of such a function sees what was committed until then.
CREATE FUNCTION hold_books() RETURNS timestamptz
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtext('proofback.books'));
  RETURN (SELECT max(ends) FROM periods);
END $$;

-- close_books waits for whoever books, and keeps everybody from it.
CREATE FUNCTION close_books() RETURNS timestamptz
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('proofback.books'));
  RETURN (SELECT max(ends) FROM periods);
END $$;

-- Months are closed one after the other.
CREATE FUNCTION close_in_order() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  closed timestamptz := close_books();
BEGIN
  IF NEW.starts <> closed THEN
    RAISE EXCEPTION 'months are closed in order: the next begins at %', closed
      USING ERRCODE = 'check_violation', CONSTRAINT = 'periods_in_order';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER periods_in_order BEFORE INSERT ON periods FOR EACH ROW EXECUTE FUNCTION close_in_order();

-- The status that the month of a conversion was closed with, from its first move
-- after that on: NONE for one that came when the month was closed. NULL as long as
-- the conversion's own status is that.
ALTER TABLE conversions ADD COLUMN settled_status text
  CHECK (settled_status IN ('NONE', 'PENDING', 'APPROVED', 'REJECTED'));
CREATE INDEX conversions_settled ON conversions (event_at) WHERE settled_status IS NOT NULL;

CREATE TABLE adjustments (
  id               uuid PRIMARY KEY,
  conversion_id    uuid NOT NULL,
  advertiser_id    uuid NOT NULL,
  affiliate_id     uuid NOT NULL,
  kind             text NOT NULL CHECK (kind IN ('STATUS', 'AMOUNT')),
  from_status      text CHECK (from_status IN ('PENDING', 'APPROVED', 'REJECTED')),
  to_status        text NOT NULL CHECK (to_status IN ('PENDING', 'APPROVED', 'REJECTED')),
  payout           numeric,
  payout_currency  text,
  revenue          numeric,
  revenue_currency text,
  settled          boolean NOT NULL, -- the conversion's month was closed
  booked_at        timestamptz NOT NULL,
  at               timestamptz NOT NULL,
  by_kind          text NOT NULL CHECK (by_kind IN ('POSTBACK', 'RULE', 'USER', 'SYSTEM')),
  by_user          uuid,
  reason           text NOT NULL,
  transition_id    uuid,
  of_id            uuid, -- the correction that moves with the conversion
  CONSTRAINT adjustments_of_a_move CHECK ((kind = 'STATUS') = (transition_id IS NOT NULL)),
  CONSTRAINT adjustments_moves_settle CHECK (kind = 'AMOUNT' OR settled),
  CONSTRAINT adjustments_corrections CHECK (kind = 'STATUS' OR from_status IS NULL AND of_id IS NULL)
);
CREATE INDEX adjustments_conversion ON adjustments (conversion_id);
CREATE INDEX adjustments_affiliate ON adjustments (affiliate_id, booked_at);
CREATE INDEX adjustments_booked ON adjustments (booked_at);
CREATE INDEX adjustments_at ON adjustments (at, id);
CREATE TRIGGER adjustments_kept BEFORE UPDATE OR DELETE ON adjustments FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER adjustments_not_emptied BEFORE TRUNCATE ON adjustments FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What comes for a closed month is marked as late, and nothing else is.
CREATE FUNCTION mark_late() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  closed timestamptz := hold_books();
BEGIN
  IF EXISTS (
    SELECT
    FROM made
    WHERE (settled_status IS NOT NULL) <> (NOT test AND coalesce(event_at < closed, false))
       OR settled_status <> 'NONE')
  THEN
    RAISE EXCEPTION 'a conversion of a closed month was not booked as one'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'conversions_closed_month';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER conversions_late AFTER INSERT ON conversions
  REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION mark_late();

-- A conversion of a closed month keeps what the month was closed with beside where
-- it stands, and what it is worth. A rate may still come for what is not counted.
CREATE FUNCTION settle_conversion() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.test OR coalesce(OLD.event_at >= hold_books(), true) THEN
    IF TG_OP = 'DELETE' THEN
      RETURN OLD;
    END IF;
    NEW.settled_status := OLD.settled_status;
    RETURN NEW;
  END IF;
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'conversion % is of a closed month', OLD.id USING ERRCODE = 'restrict_violation';
  END IF;
  IF (NEW.event_at, NEW.affiliate_id, NEW.offer_id, NEW.goal_id, NEW.test) IS DISTINCT FROM (OLD.event_at, OLD.affiliate_id, OLD.offer_id, OLD.goal_id, OLD.test)
    OR (NEW.payout, NEW.payout_currency, NEW.revenue, NEW.revenue_currency) IS DISTINCT FROM (OLD.payout, OLD.payout_currency, OLD.revenue, OLD.revenue_currency)
    OR OLD.rate_date IS NOT NULL
      AND (NEW.normal_payout, NEW.normal_revenue, NEW.rate_date) IS DISTINCT FROM (OLD.normal_payout, OLD.normal_revenue, OLD.rate_date)
  THEN
    RAISE EXCEPTION 'conversion % is of a closed month', OLD.id USING ERRCODE = 'restrict_violation';
  END IF;
  NEW.settled_status := OLD.settled_status;
  IF NEW.status <> OLD.status THEN
    NEW.settled_status := coalesce(OLD.settled_status, OLD.status);
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER conversions_settle BEFORE UPDATE OR DELETE ON conversions FOR EACH ROW EXECUTE FUNCTION settle_conversion();

-- An adjustment is booked in an open month, says whether its conversion's is, and moves
-- the whole of what it moves. That is seen when the transaction ends, since conversions
-- that come late are stored after their adjustments.
CREATE FUNCTION book_adjustment() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  closed timestamptz := hold_books();
  event  timestamptz := (SELECT event_at FROM conversions WHERE id = NEW.conversion_id AND advertiser_id = NEW.advertiser_id AND NOT test);
BEGIN
  IF NEW.kind = 'STATUS' AND NOT EXISTS (
    SELECT
    FROM (
      SELECT payout, payout_currency, revenue, revenue_currency
      FROM conversions
      WHERE NEW.of_id IS NULL
      AND id = NEW.conversion_id
      UNION ALL
      SELECT payout, payout_currency, revenue, revenue_currency
      FROM adjustments
      WHERE id = NEW.of_id
      AND conversion_id = NEW.conversion_id
      AND kind = 'AMOUNT'
    ) AS moved
    WHERE (moved.payout, moved.payout_currency, moved.revenue, moved.revenue_currency)
      IS NOT DISTINCT FROM (NEW.payout, NEW.payout_currency, NEW.revenue, NEW.revenue_currency))
  THEN
    RAISE EXCEPTION 'an adjustment does not move what it is of'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'adjustments_whole';
  END IF;
  IF event IS NULL
    OR NEW.settled <> coalesce(event < closed, false)
    OR NEW.settled AND NEW.booked_at < closed
    OR NOT NEW.settled AND NEW.booked_at <> event
  THEN
    RAISE EXCEPTION 'an adjustment was booked in a closed month'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'adjustments_closed_month';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER adjustments_are_booked AFTER INSERT ON adjustments
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION book_adjustment();

-- The books balance when a transaction ends: what the month was closed with and what
-- was booked since leave a conversion where it stands.
CREATE FUNCTION balance_books() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  of_conversion uuid;
BEGIN
  IF TG_TABLE_NAME = 'conversions' THEN
    of_conversion := NEW.id;
  ELSE
    of_conversion := NEW.conversion_id;
  END IF;
  IF EXISTS (
    SELECT
    FROM conversions AS c
    CROSS JOIN unnest('{PENDING,APPROVED,REJECTED}'::text[]) AS s (status)
    WHERE c.id = of_conversion
    AND c.advertiser_id = NEW.advertiser_id
    AND (coalesce(c.settled_status, c.status) = s.status)::integer + (
      SELECT count(*) FILTER (WHERE a.to_status = s.status) - count(*) FILTER (WHERE a.from_status = s.status)
      FROM adjustments AS a
      WHERE a.conversion_id = c.id
      AND a.kind = 'STATUS'
      AND a.of_id IS NULL
    ) <> (c.status = s.status)::integer)
  THEN
    RAISE EXCEPTION 'conversion % is not booked as it stands', of_conversion
      USING ERRCODE = 'check_violation', CONSTRAINT = 'conversions_balance';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER conversions_balance AFTER INSERT OR UPDATE ON conversions
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.settled_status IS NOT NULL) EXECUTE FUNCTION balance_books();
CREATE CONSTRAINT TRIGGER adjustments_balance AFTER INSERT ON adjustments
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.settled) EXECUTE FUNCTION balance_books();

-- A move is booked once, with each correction once.
CREATE UNIQUE INDEX adjustments_once ON adjustments (transition_id, coalesce(of_id, '00000000-0000-0000-0000-000000000000'))
  WHERE transition_id IS NOT NULL;

-- Everybody may know which months are closed; adjustments are their conversion's
-- partners'.
ALTER TABLE periods ENABLE ROW LEVEL SECURITY;
CREATE POLICY affiliate ON periods TO proofback_affiliate USING (true);
CREATE POLICY advertiser ON periods TO proofback_advertiser USING (true);
GRANT SELECT ON periods TO proofback_affiliate, proofback_advertiser;

ALTER TABLE adjustments ENABLE ROW LEVEL SECURITY;
CREATE POLICY affiliate ON adjustments TO proofback_affiliate
USING (affiliate_id = current_setting('proofback.affiliate_id')::uuid);
CREATE POLICY advertiser ON adjustments TO proofback_advertiser
USING (advertiser_id = current_setting('proofback.advertiser_id')::uuid);
GRANT SELECT ON adjustments TO proofback_affiliate, proofback_advertiser;
