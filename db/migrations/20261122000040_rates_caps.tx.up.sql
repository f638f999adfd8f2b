-- Reference rates as published: units of a currency for one euro. A rate that
-- was used is never changed; what was published first stays.
CREATE TABLE rates (
  currency text NOT NULL,
  day      date NOT NULL,
  per_euro numeric NOT NULL CHECK (per_euro > 0),
  source   text NOT NULL,
  CONSTRAINT rates_day PRIMARY KEY (currency, day)
);
CREATE TRIGGER rates_kept BEFORE UPDATE OR DELETE ON rates FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER rates_not_emptied BEFORE TRUNCATE ON rates FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- How much of an offer's caps is taken, by the period's beginning. A row is made
-- when a cap is first judged, and from then on kept by every transaction that
-- makes or moves a conversion of the offer (or stores a click): it holds the
-- row's lock until it commits, so that a place cannot be given twice.
CREATE TABLE cap_usage (
  offer_id uuid NOT NULL,
  metric   text NOT NULL CHECK (metric IN ('CONVERSIONS', 'PAYOUT', 'CLICKS')),
  period   text NOT NULL CHECK (period IN ('DAILY', 'MONTHLY', 'TOTAL')),
  starts   timestamptz NOT NULL,
  used     numeric NOT NULL,
  CONSTRAINT cap_usage_period PRIMARY KEY (offer_id, metric, period, starts)
);
CREATE INDEX conversions_offer ON conversions (offer_id, event_at);
