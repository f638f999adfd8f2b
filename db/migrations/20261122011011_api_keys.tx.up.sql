-- Keys by which servers act. A key acts for the network or a partner, not for the
-- person who made it.
CREATE TABLE api_keys (
  id            uuid PRIMARY KEY,
  name          text NOT NULL,
  hash          bytea NOT NULL CONSTRAINT api_keys_hash UNIQUE, -- SHA-256 of the key
  hint          text NOT NULL, -- its last characters
  role          text NOT NULL CHECK (role IN ('ADMIN', 'MANAGER', 'AFFILIATE', 'ADVERTISER')),
  affiliate_id  uuid REFERENCES affiliates,
  advertiser_id uuid REFERENCES advertisers,
  scope         text NOT NULL CHECK (scope IN ('READ', 'WRITE')),
  created_by    uuid REFERENCES users ON DELETE SET NULL,
  created_at    timestamptz NOT NULL,
  expires_at    timestamptz,
  last_used_at  timestamptz,
  revoked_at    timestamptz,
  CONSTRAINT api_keys_role_fits CHECK (
    (role = 'AFFILIATE') = (affiliate_id IS NOT NULL) AND
    (role = 'ADVERTISER') = (advertiser_id IS NOT NULL)
  )
);
CREATE INDEX api_keys_affiliate ON api_keys (affiliate_id);
CREATE INDEX api_keys_advertiser ON api_keys (advertiser_id);

-- Partners look after their own, and see no hash. The rights of a key never change.
ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY affiliate ON api_keys TO proofback_affiliate
USING (affiliate_id = current_setting('proofback.affiliate_id')::uuid);
CREATE POLICY advertiser ON api_keys TO proofback_advertiser
USING (advertiser_id = current_setting('proofback.advertiser_id')::uuid);
GRANT SELECT (id, name, hint, role, affiliate_id, advertiser_id, scope, created_by, created_at, expires_at, last_used_at, revoked_at),
  INSERT, UPDATE (name, expires_at, revoked_at)
ON api_keys TO proofback_affiliate, proofback_advertiser;
