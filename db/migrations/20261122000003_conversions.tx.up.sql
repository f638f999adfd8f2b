-- What was decided: conversions, their moves, the ledger, and what affiliates
-- are told. No foreign keys between these, and every unique constraint holds the
-- column that a distributed Postgres would shard the table by.

CREATE TABLE conversions (
  id                 uuid NOT NULL,
  advertiser_id      uuid NOT NULL,
  offer_id           uuid NOT NULL,
  goal_id            uuid NOT NULL,
  affiliate_id       uuid NOT NULL,
  click_id           uuid NOT NULL,
  terms_id           uuid NOT NULL,
  postback_id        uuid NOT NULL,
  event_type         text NOT NULL,
  txid               text,
  status             text NOT NULL CHECK (status IN ('PENDING', 'APPROVED', 'REJECTED')),
  began              text NOT NULL,
  reason             text NOT NULL DEFAULT '',
  event_at           timestamptz NOT NULL,
  received_at        timestamptz NOT NULL,
  click_at           timestamptz NOT NULL,
  amount             numeric,
  amount_currency    text,
  payout             numeric,
  payout_currency    text,
  revenue            numeric,
  revenue_currency   text,
  normal_payout      numeric,
  normal_revenue     numeric,
  normal_currency    text,
  rate_date          date,
  rate_source        text,
  subs               jsonb, -- sub1 … sub10 of the postback; NULL when it had none
  -- The span of event times that this one claims among those of its click and
  -- goal (Conversion.Claims); NULL when its transaction id alone tells it apart.
  claims             tstzrange,
  CONSTRAINT conversions_id PRIMARY KEY (id, advertiser_id),
  -- The same event, once: by the advertiser's own id where it gave one …
  CONSTRAINT conversions_txid UNIQUE (advertiser_id, txid, goal_id),
  -- … and by click, goal and time where it did not, or where the goal counts
  -- once per click.
  CONSTRAINT conversions_claims EXCLUDE USING gist (
    advertiser_id WITH =,
    click_id WITH =,
    goal_id WITH =,
    claims WITH &&
  ) WHERE (claims IS NOT NULL),
  CONSTRAINT conversions_told_apart CHECK (txid IS NOT NULL OR claims IS NOT NULL)
);
CREATE INDEX conversions_click ON conversions (click_id);
CREATE INDEX conversions_affiliate ON conversions (affiliate_id, event_at, id);
CREATE INDEX conversions_advertiser ON conversions (advertiser_id, event_at, id);
CREATE INDEX conversions_event_at ON conversions (event_at, id);

CREATE TABLE transitions (
  id            uuid NOT NULL,
  conversion_id uuid NOT NULL,
  advertiser_id uuid NOT NULL,
  affiliate_id  uuid NOT NULL,
  from_status   text,
  to_status     text NOT NULL,
  at            timestamptz NOT NULL,
  by_kind       text NOT NULL CHECK (by_kind IN ('POSTBACK', 'RULE', 'USER', 'SYSTEM')),
  by_user       uuid,
  reason        text NOT NULL,
  postback_id   uuid,
  CONSTRAINT transitions_id PRIMARY KEY (id)
);
CREATE INDEX transitions_conversion ON transitions (conversion_id);
CREATE TRIGGER transitions_kept BEFORE UPDATE OR DELETE ON transitions FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transitions_not_emptied BEFORE TRUNCATE ON transitions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Facts that move money, in their canonical bytes.
CREATE TABLE ledger (
  id        uuid NOT NULL,
  kind      text NOT NULL,
  subject   uuid NOT NULL,
  at        timestamptz NOT NULL,
  canonical bytea NOT NULL,
  CONSTRAINT ledger_id PRIMARY KEY (id)
);
CREATE INDEX ledger_subject ON ledger (subject);
CREATE TRIGGER ledger_kept BEFORE UPDATE OR DELETE ON ledger FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_not_emptied BEFORE TRUNCATE ON ledger FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- One message to one destination: a conversion reached a status.
CREATE TABLE deliveries (
  id              uuid NOT NULL,
  conversion_id   uuid NOT NULL,
  transition_id   uuid NOT NULL,
  click_id        uuid NOT NULL,
  affiliate_id    uuid NOT NULL,
  destination_id  uuid NOT NULL,
  event           text NOT NULL,
  status          text NOT NULL CHECK (status IN ('PENDING', 'DELIVERED', 'FAILED', 'CANCELLED')),
  attempts        integer NOT NULL DEFAULT 0,
  created_at      timestamptz NOT NULL,
  next_attempt_at timestamptz,
  CONSTRAINT deliveries_id PRIMARY KEY (id, destination_id),
  CONSTRAINT deliveries_once UNIQUE (transition_id, destination_id)
);
CREATE INDEX deliveries_conversion ON deliveries (conversion_id);
CREATE INDEX deliveries_affiliate ON deliveries (affiliate_id, id);
CREATE INDEX deliveries_destination ON deliveries (destination_id, id);

CREATE TABLE attempts (
  delivery_id     uuid NOT NULL,
  affiliate_id    uuid NOT NULL,
  number          integer NOT NULL,
  at              timestamptz NOT NULL,
  url             text NOT NULL,
  outcome         text NOT NULL,
  response_status smallint,
  response_body   text,
  duration        interval NOT NULL,
  error           text NOT NULL DEFAULT '',
  CONSTRAINT attempts_number PRIMARY KEY (delivery_id, number)
);
