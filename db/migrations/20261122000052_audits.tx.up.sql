-- Walks along offers' landing URLs with a made-up click id.
CREATE TABLE redirect_audits (
  id            uuid NOT NULL,
  offer_id      uuid NOT NULL,
  advertiser_id uuid NOT NULL,
  terms_id      uuid NOT NULL,
  at            timestamptz NOT NULL,
  by_user       uuid,
  verdict       text NOT NULL, -- what the hops came to, for lists to be narrowed by
  survived      boolean NOT NULL,
  hops          jsonb NOT NULL,
  CONSTRAINT redirect_audits_id PRIMARY KEY (id)
);
CREATE INDEX redirect_audits_offer ON redirect_audits (offer_id, id);
CREATE INDEX redirect_audits_advertiser ON redirect_audits (advertiser_id, id);
