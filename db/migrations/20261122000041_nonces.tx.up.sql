-- What signed postbacks may bring only once. Kept for longer than a signature's
-- time is accepted; the clean-up job drops older ones.
CREATE TABLE webhook_nonces (
  advertiser_id uuid NOT NULL,
  nonce         text NOT NULL,
  at            timestamptz NOT NULL,
  CONSTRAINT webhook_nonces_once PRIMARY KEY (advertiser_id, nonce)
);
CREATE INDEX webhook_nonces_at ON webhook_nonces (at);
