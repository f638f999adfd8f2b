-- Counts of clicks that reports read instead of the clicks themselves. They are
-- there for the time from rolled_from to rolled_to; what is outside of it, and
-- each quarter hour named in late_clicks, is counted from the clicks. So a report
-- is exact whatever the job that keeps these has or has not done.
CREATE TABLE rollup_state (
  one         boolean PRIMARY KEY DEFAULT true CHECK (one),
  rolled_from timestamptz NOT NULL, -- a UTC midnight
  rolled_to   timestamptz NOT NULL  -- a quarter hour
);

-- Whoever stores clicks of a quarter hour that is over names it here in the same
-- transaction: a mark can be seen when its clicks can.
CREATE TABLE late_clicks (
  id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  starts timestamptz NOT NULL
);
CREATE INDEX late_clicks_starts ON late_clicks (starts);

CREATE TABLE rollup_quarters (
  starts        timestamptz NOT NULL,
  affiliate_id  uuid NOT NULL,
  offer_id      uuid NOT NULL,
  advertiser_id uuid NOT NULL,
  clicks        integer NOT NULL,
  bots          integer NOT NULL,
  CONSTRAINT rollup_quarters_key PRIMARY KEY (starts, affiliate_id, offer_id, advertiser_id)
);
CREATE INDEX rollup_quarters_affiliate ON rollup_quarters (affiliate_id, starts);

CREATE TABLE rollup_hours (
  starts        timestamptz NOT NULL,
  offer_id      uuid NOT NULL,
  advertiser_id uuid NOT NULL,
  clicks        integer NOT NULL,
  bots          integer NOT NULL,
  CONSTRAINT rollup_hours_key PRIMARY KEY (starts, offer_id, advertiser_id)
);

CREATE TABLE rollup_days (LIKE rollup_hours);
ALTER TABLE rollup_days ADD CONSTRAINT rollup_days_key PRIMARY KEY (starts, offer_id, advertiser_id);

CREATE TABLE rollup_day_affiliates (LIKE rollup_quarters);
ALTER TABLE rollup_day_affiliates
  ADD CONSTRAINT rollup_day_affiliates_key PRIMARY KEY (starts, affiliate_id, offer_id, advertiser_id);
CREATE INDEX rollup_day_affiliates_affiliate ON rollup_day_affiliates (affiliate_id, starts);

CREATE TABLE rollup_day_countries (LIKE rollup_quarters);
ALTER TABLE rollup_day_countries
  ADD COLUMN country text NOT NULL,
  ADD CONSTRAINT rollup_day_countries_key PRIMARY KEY (affiliate_id, starts, offer_id, advertiser_id, country);
CREATE INDEX rollup_day_countries_starts ON rollup_day_countries USING brin (starts);

CREATE TABLE rollup_day_devices (LIKE rollup_quarters);
ALTER TABLE rollup_day_devices
  ADD COLUMN device text NOT NULL,
  ADD CONSTRAINT rollup_day_devices_key PRIMARY KEY (affiliate_id, starts, offer_id, advertiser_id, device);
CREATE INDEX rollup_day_devices_starts ON rollup_day_devices USING brin (starts);

CREATE TABLE rollup_day_subs (LIKE rollup_quarters);
ALTER TABLE rollup_day_subs
  ADD COLUMN sub1 text NOT NULL,
  ADD CONSTRAINT rollup_day_subs_key PRIMARY KEY (affiliate_id, starts, offer_id, advertiser_id, sub1);
CREATE INDEX rollup_day_subs_starts ON rollup_day_subs USING brin (starts);
