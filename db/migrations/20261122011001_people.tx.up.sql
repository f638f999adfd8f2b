-- What can be made can be put away and fetched back: links and endpoints of affiliates.
ALTER TABLE tracking_links ADD COLUMN archived_at timestamptz;
ALTER TABLE destinations
  ADD COLUMN archived_at timestamptz,
  ADD CONSTRAINT destinations_archived_are_off CHECK (archived_at IS NULL OR NOT enabled);

-- Affiliates name their links, and put them away. What they lead to stays.
CREATE POLICY affiliate_changes ON tracking_links FOR UPDATE TO proofback_affiliate
USING (affiliate_id = current_setting('proofback.affiliate_id')::uuid);
GRANT UPDATE (name, archived_at) ON tracking_links TO proofback_affiliate;

-- Who was invited has no password yet.
ALTER TABLE users ADD COLUMN joined_at timestamptz;
UPDATE users SET joined_at = created_at;
GRANT SELECT (joined_at) ON users TO proofback_affiliate, proofback_advertiser;
