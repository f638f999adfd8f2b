-- Counts of clicks by device, country and sub1, as arrays: a row for each dimension of an
-- affiliate and an offer, rather than one for each value. A value may be in several rows
-- of a day, which are to be added up. Those of the past are carried over, since they may
-- outlive their clicks.
CREATE TABLE rollup_values (
  day           date NOT NULL,
  dimension     text NOT NULL,
  affiliate_id  uuid NOT NULL,
  offer_id      uuid NOT NULL,
  advertiser_id uuid NOT NULL,
  value         text[] NOT NULL,
  clicks        integer[] NOT NULL, -- of the value in the same place
  bots          integer[] NOT NULL
);

-- Sorted, which takes no more memory than it may.
SET LOCAL enable_hashagg = off;
INSERT INTO rollup_values
SELECT day, 'device', affiliate_id, offer_id, advertiser_id, array_agg(device), array_agg(clicks), array_agg(bots)
FROM rollup_devices
GROUP BY day, affiliate_id, offer_id, advertiser_id;
INSERT INTO rollup_values
SELECT day, 'country', affiliate_id, offer_id, advertiser_id, array_agg(country), array_agg(clicks), array_agg(bots)
FROM rollup_countries
GROUP BY day, affiliate_id, offer_id, advertiser_id;
INSERT INTO rollup_values
SELECT day, 'sub1', affiliate_id, offer_id, advertiser_id, array_agg(sub1), array_agg(clicks), array_agg(bots)
FROM rollup_subs
GROUP BY day, affiliate_id, offer_id, advertiser_id;
SET LOCAL enable_hashagg = on;

CREATE INDEX rollup_values_key ON rollup_values (day, dimension, affiliate_id);
DROP TABLE rollup_devices, rollup_countries, rollup_subs;

-- Partners read their own rows.
ALTER TABLE rollup_values ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON rollup_values TO proofback_affiliate, proofback_advertiser;
CREATE POLICY affiliate ON rollup_values TO proofback_affiliate
  USING (affiliate_id = current_setting('proofback.affiliate_id')::uuid);
CREATE POLICY advertiser ON rollup_values TO proofback_advertiser
  USING (advertiser_id = current_setting('proofback.advertiser_id')::uuid);
