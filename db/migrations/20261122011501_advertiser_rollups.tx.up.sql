-- Counts of clicks by advertiser, the fewest that there are: what a report comes to in all
-- is read from them. Those of the past are made of the counts by offer, since they may
-- outlive their clicks.
CREATE TABLE rollup_advertisers (
  day           date NOT NULL,
  advertiser_id uuid NOT NULL,
  clicks        integer NOT NULL,
  bots          integer NOT NULL,
  at            smallint[] NOT NULL,
  clicks_to     integer[] NOT NULL,
  bots_to       integer[] NOT NULL,
  CONSTRAINT rollup_advertisers_key PRIMARY KEY (day, advertiser_id)
) WITH (fillfactor = 70);

INSERT INTO rollup_advertisers
SELECT day, advertiser_id, sum(clicks), sum(bots), array_agg(quarter), array_agg(clicks_to), array_agg(bots_to)
FROM (
  SELECT day, advertiser_id, quarter, clicks, bots, (sum(clicks) OVER until)::integer AS clicks_to, (sum(bots) OVER until)::integer AS bots_to
  FROM (
    SELECT day, advertiser_id, quarter, sum(clicks)::integer AS clicks, sum(bots)::integer AS bots
    FROM (
      SELECT day, advertiser_id, q.quarter,
        q.clicks_to - coalesce(lag(q.clicks_to) OVER earlier, 0) AS clicks,
        q.bots_to - coalesce(lag(q.bots_to) OVER earlier, 0) AS bots
      FROM rollup_offers
      CROSS JOIN LATERAL unnest(at, clicks_to, bots_to) AS q (quarter, clicks_to, bots_to)
      WINDOW earlier AS (PARTITION BY day, offer_id, advertiser_id ORDER BY q.quarter)
    ) AS apart
    GROUP BY day, advertiser_id, quarter
  ) AS quarters
  WINDOW until AS (PARTITION BY day, advertiser_id ORDER BY quarter)
) AS sums
GROUP BY day, advertiser_id;

ALTER TABLE rollup_advertisers ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON rollup_advertisers TO proofback_affiliate, proofback_advertiser;
CREATE POLICY affiliate ON rollup_advertisers TO proofback_affiliate USING (false);
CREATE POLICY advertiser ON rollup_advertisers TO proofback_advertiser
  USING (advertiser_id = current_setting('proofback.advertiser_id')::uuid);
