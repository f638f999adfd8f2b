-- How destinations are spared, and deliveries kept in order.

ALTER TABLE destinations
  DROP CONSTRAINT destinations_health_state_check,
  ADD CONSTRAINT destinations_health_state CHECK (health_state IN ('UNKNOWN', 'HEALTHY', 'FAILING', 'PAUSED', 'STOPPED')),
  ADD COLUMN latest_only      boolean NOT NULL DEFAULT false,
  ADD COLUMN max_per_second   integer CHECK (max_per_second > 0),
  ADD COLUMN next_slot_at     timestamptz, -- when the next request may be sent, with max_per_second
  ADD COLUMN old_secret       bytea,       -- sealed; signs as well until …
  ADD COLUMN old_secret_until timestamptz,
  ADD COLUMN gone             boolean NOT NULL DEFAULT false, -- it answered 410
  ADD COLUMN failures         integer NOT NULL DEFAULT 0, -- in a row that found it down
  ADD COLUMN failing_since    timestamptz, -- the first failure after the last delivery
  ADD COLUMN opened           integer NOT NULL DEFAULT 0, -- how often in a row the breaker opened
  ADD COLUMN open_until       timestamptz, -- NULL: the breaker is closed
  ADD COLUMN probe_until      timestamptz; -- how long the attempt let through may take
-- The state above is written at each failure, on no index: in place.
ALTER TABLE destinations SET (fillfactor = 70);

-- The order in which deliveries were recorded, which for one conversion is that
-- in which its states were reached. Clocks of several machines do not tell it.
ALTER TABLE deliveries ADD COLUMN seq bigint GENERATED ALWAYS AS IDENTITY;

-- Deliveries that wait for their destination to be switched on or to get well.
-- They have no job; when the time comes, they are released in their order.
CREATE TABLE parked (
  destination_id uuid NOT NULL,
  seq            bigint NOT NULL,
  delivery_id    uuid NOT NULL,
  CONSTRAINT parked_id PRIMARY KEY (destination_id, seq)
);

ALTER TABLE attempts
  ADD COLUMN method           text NOT NULL DEFAULT '',
  ADD COLUMN request_headers  text NOT NULL DEFAULT '',
  ADD COLUMN request_body     text NOT NULL DEFAULT '',
  ADD COLUMN response_headers text NOT NULL DEFAULT '';

-- What affiliates are told of.
CREATE TABLE notices (
  id             uuid PRIMARY KEY,
  affiliate_id   uuid NOT NULL,
  destination_id uuid NOT NULL,
  kind           text NOT NULL,
  message        text NOT NULL,
  at             timestamptz NOT NULL
);
CREATE INDEX notices_affiliate ON notices (affiliate_id, id);
