-- Partners' requests run under a database role of their kind, proofback_affiliate or
-- proofback_advertiser, in transactions that say whose they are (db/tenancy.go). What
-- such a role may read and write is said here, table by table: a query that forgets its
-- WHERE finds a partner's own rows and nothing else. The owner of the tables, under
-- which staff's requests, jobs and ingest run, has no policy to evaluate.
--
-- A new table says in its own migration what partners may do with it, or is named as
-- closed in db/tenancy_test.go. One plain equality for each role where there are many
-- rows: with an OR the planner finds no index any more. Partitions need nothing, since
-- they are reached through their table alone.

DO $$
BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO proofback_affiliate, proofback_advertiser', current_schema());
END $$;

-- Rows that say themselves whose they are.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY[
    'clicks', 'postbacks', 'conversions', 'transitions', 'pixel_signals',
    'deliveries', 'attempts', 'destinations', 'notices', 'payout_overrides'
  ] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('GRANT SELECT ON %I TO proofback_affiliate', name);
    EXECUTE format($p$
      CREATE POLICY affiliate ON %I TO proofback_affiliate
      USING (affiliate_id = current_setting('proofback.affiliate_id')::uuid)$p$, name);
  END LOOP;
  FOREACH name IN ARRAY ARRAY[
    'clicks', 'postbacks', 'conversions', 'transitions', 'pixel_signals',
    'offers', 'terms'
  ] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('GRANT SELECT ON %I TO proofback_advertiser', name);
    EXECUTE format($p$
      CREATE POLICY advertiser ON %I TO proofback_advertiser
      USING (advertiser_id = current_setting('proofback.advertiser_id')::uuid)$p$, name);
  END LOOP;
END $$;

-- What is between the network and one side alone. Queries that serve every role name
-- these tables, and find nothing there for the other side.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['deliveries', 'attempts', 'destinations', 'notices', 'payout_overrides'] LOOP
    EXECUTE format('GRANT SELECT ON %I TO proofback_advertiser', name);
    EXECUTE format('CREATE POLICY advertiser ON %I TO proofback_advertiser USING (false)', name);
  END LOOP;
END $$;

-- Offers are few, and shown to more than one. An affiliate sees what it can promote or
-- ask for, and what it once had a link to, because its clicks name it.
CREATE POLICY affiliate ON offers TO proofback_affiliate
USING (
  status <> 'ARCHIVED' AND (
    access <> 'PRIVATE'
    OR EXISTS (SELECT FROM offer_access AS a WHERE a.offer_id = offers.id AND a.status = 'APPROVED')
  )
  OR EXISTS (SELECT FROM tracking_links AS l WHERE l.offer_id = offers.id)
);
GRANT SELECT ON offers TO proofback_affiliate;

CREATE POLICY affiliate ON terms TO proofback_affiliate
USING (EXISTS (SELECT FROM offers AS o WHERE o.id = terms.offer_id));
GRANT SELECT ON terms TO proofback_affiliate;

ALTER TABLE goals ENABLE ROW LEVEL SECURITY;
CREATE POLICY affiliate ON goals TO proofback_affiliate
USING (EXISTS (SELECT FROM offers AS o WHERE o.id = goals.offer_id));
CREATE POLICY advertiser ON goals TO proofback_advertiser
USING (EXISTS (SELECT FROM offers AS o WHERE o.id = goals.offer_id));
GRANT SELECT ON goals TO proofback_affiliate, proofback_advertiser;

-- Reading and adding are told apart where what may be added depends on offers, which
-- depend on these tables themselves.
ALTER TABLE tracking_links ENABLE ROW LEVEL SECURITY;
CREATE POLICY affiliate ON tracking_links FOR SELECT TO proofback_affiliate
USING (affiliate_id = current_setting('proofback.affiliate_id')::uuid);
CREATE POLICY affiliate_adds ON tracking_links FOR INSERT TO proofback_affiliate
WITH CHECK (
  affiliate_id = current_setting('proofback.affiliate_id')::uuid
  AND EXISTS (SELECT FROM offers AS o WHERE o.id = tracking_links.offer_id)
);
CREATE POLICY advertiser ON tracking_links FOR SELECT TO proofback_advertiser
USING (EXISTS (SELECT FROM offers AS o WHERE o.id = tracking_links.offer_id));
GRANT SELECT, INSERT ON tracking_links TO proofback_affiliate;
GRANT SELECT ON tracking_links TO proofback_advertiser;

-- Only public offers let one in without being asked.
ALTER TABLE offer_access ENABLE ROW LEVEL SECURITY;
CREATE POLICY affiliate ON offer_access FOR SELECT TO proofback_affiliate
USING (affiliate_id = current_setting('proofback.affiliate_id')::uuid);
CREATE POLICY affiliate_adds ON offer_access FOR INSERT TO proofback_affiliate
WITH CHECK (
  affiliate_id = current_setting('proofback.affiliate_id')::uuid
  AND decided_by IS NULL
  AND (
    status = 'PENDING' AND EXISTS (SELECT FROM offers AS o WHERE o.id = offer_access.offer_id)
    OR status = 'APPROVED' AND EXISTS (SELECT FROM offers AS o WHERE o.id = offer_access.offer_id AND o.access = 'PUBLIC')
  )
);
CREATE POLICY advertiser ON offer_access FOR SELECT TO proofback_advertiser USING (false);
GRANT SELECT, INSERT ON offer_access TO proofback_affiliate;
GRANT SELECT ON offer_access TO proofback_advertiser;

ALTER TABLE redirect_audits ENABLE ROW LEVEL SECURITY;
CREATE POLICY affiliate ON redirect_audits FOR SELECT TO proofback_affiliate USING (false);
CREATE POLICY advertiser ON redirect_audits FOR SELECT TO proofback_advertiser
USING (advertiser_id = current_setting('proofback.advertiser_id')::uuid);
CREATE POLICY advertiser_adds ON redirect_audits FOR INSERT TO proofback_advertiser
WITH CHECK (
  advertiser_id = current_setting('proofback.advertiser_id')::uuid
  AND EXISTS (SELECT FROM offers AS o WHERE o.id = redirect_audits.offer_id)
);
GRANT SELECT ON redirect_audits TO proofback_affiliate;
GRANT SELECT, INSERT ON redirect_audits TO proofback_advertiser;

-- Partners see themselves, and those whom they work with; an affiliate only the
-- public side of an advertiser.
ALTER TABLE affiliates ENABLE ROW LEVEL SECURITY;
CREATE POLICY affiliate ON affiliates TO proofback_affiliate
USING (id = current_setting('proofback.affiliate_id')::uuid);
CREATE POLICY advertiser ON affiliates TO proofback_advertiser
USING (EXISTS (SELECT FROM tracking_links AS l WHERE l.affiliate_id = affiliates.id));
GRANT SELECT ON affiliates TO proofback_affiliate, proofback_advertiser;

ALTER TABLE advertisers ENABLE ROW LEVEL SECURITY;
CREATE POLICY affiliate ON advertisers TO proofback_affiliate
USING (EXISTS (SELECT FROM offers AS o WHERE o.advertiser_id = advertisers.id));
CREATE POLICY advertiser ON advertisers TO proofback_advertiser
USING (id = current_setting('proofback.advertiser_id')::uuid);
GRANT SELECT (id, name, status, currency, time_zone, created_at) ON advertisers TO proofback_affiliate;
GRANT SELECT ON advertisers TO proofback_advertiser;

-- People see those of their own company, and nobody's password.
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
CREATE POLICY affiliate ON users TO proofback_affiliate
USING (affiliate_id = current_setting('proofback.affiliate_id')::uuid);
CREATE POLICY advertiser ON users TO proofback_advertiser
USING (advertiser_id = current_setting('proofback.advertiser_id')::uuid);
GRANT SELECT (id, email, role, affiliate_id, advertiser_id, disabled_at, created_at)
ON users TO proofback_affiliate, proofback_advertiser;

-- Signing out.
ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;
CREATE POLICY affiliate ON sessions TO proofback_affiliate
USING (user_id = current_setting('proofback.user_id')::uuid);
CREATE POLICY advertiser ON sessions TO proofback_advertiser
USING (user_id = current_setting('proofback.user_id')::uuid);
GRANT SELECT (id, user_id, ended_at), UPDATE (ended_at, end_reason)
ON sessions TO proofback_affiliate, proofback_advertiser;

-- Affiliates look after their endpoints.
GRANT INSERT, UPDATE ON destinations TO proofback_affiliate;

-- Retries and back-fills. What is parked is looked at, and released by a job.
GRANT INSERT, UPDATE (status, next_attempt_at, attempts_before) ON deliveries TO proofback_affiliate;
ALTER TABLE parked ENABLE ROW LEVEL SECURITY;
CREATE POLICY affiliate ON parked TO proofback_affiliate
USING (EXISTS (SELECT FROM destinations AS d WHERE d.id = parked.destination_id));
CREATE POLICY advertiser ON parked TO proofback_advertiser USING (false);
GRANT SELECT ON parked TO proofback_affiliate;

-- What belongs to nobody, and reports are made with.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['rates', 'rollup_state', 'late_clicks'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('GRANT SELECT ON %I TO proofback_affiliate, proofback_advertiser', name);
    EXECUTE format('CREATE POLICY affiliate ON %I TO proofback_affiliate USING (true)', name);
    EXECUTE format('CREATE POLICY advertiser ON %I TO proofback_advertiser USING (true)', name);
  END LOOP;
END $$;

-- Texts that clicks share do not say whose they are: a partner reads the one whose id
-- a click of its own has told it, and cannot list them.
CREATE FUNCTION user_agent_of(bigint) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER
BEGIN ATOMIC
  SELECT value FROM user_agents WHERE id = $1;
END;
CREATE FUNCTION referrer_of(bigint) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER
BEGIN ATOMIC
  SELECT value FROM referrers WHERE id = $1;
END;

-- A signal that came before its click was stored did not know whose it was. Draining
-- clicks from a spool tells it from now on.
UPDATE pixel_signals AS s
SET advertiser_id = c.advertiser_id,
    offer_id = c.offer_id,
    affiliate_id = nullif(c.affiliate_id, '00000000-0000-0000-0000-000000000000')
FROM (
  SELECT n.id, k.advertiser_id, k.offer_id, k.affiliate_id
  FROM pixel_signals AS n
  CROSS JOIN LATERAL (SELECT * FROM clicks WHERE id = n.click_id LIMIT 1) AS k
  WHERE n.advertiser_id IS NULL
) AS c
WHERE s.id = c.id;
