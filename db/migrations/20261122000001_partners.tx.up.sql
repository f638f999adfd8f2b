-- Who takes part: advertisers, affiliates, the people who sign in, and the
-- offers, links and destinations that they set up. Everything here is small.

CREATE EXTENSION IF NOT EXISTS btree_gist;

-- What must never change after it was written raises this.
CREATE FUNCTION refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on % is refused: its rows are kept as they were written', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END $$;

CREATE TABLE advertisers (
  id                uuid PRIMARY KEY,
  name              text NOT NULL,
  status            text NOT NULL CHECK (status IN ('ACTIVE', 'PAUSED', 'ARCHIVED')),
  currency          text NOT NULL,
  time_zone         text NOT NULL,
  security_mode     text NOT NULL CHECK (security_mode IN ('NONE', 'TOKEN', 'SIGNATURE')),
  allowed_ips       text[] NOT NULL DEFAULT '{}',
  parameter_mapping jsonb NOT NULL DEFAULT '[]',
  status_mapping    jsonb NOT NULL DEFAULT '[]',
  answer_always_200 boolean NOT NULL DEFAULT false,
  postback_key      text NOT NULL CONSTRAINT advertisers_postback_key UNIQUE,
  -- Sealed with a key that is not in this database.
  secret            bytea NOT NULL,
  old_secret        bytea,
  old_secret_until  timestamptz,
  created_at        timestamptz NOT NULL
);

CREATE TABLE affiliates (
  id         uuid PRIMARY KEY,
  name       text NOT NULL,
  status     text NOT NULL CHECK (status IN ('ACTIVE', 'PAUSED', 'ARCHIVED')),
  currency   text NOT NULL,
  created_at timestamptz NOT NULL
);

CREATE TABLE users (
  id            uuid PRIMARY KEY,
  email         text NOT NULL CONSTRAINT users_email UNIQUE CHECK (email = lower(email)),
  password_hash text NOT NULL,
  role          text NOT NULL CHECK (role IN ('ADMIN', 'MANAGER', 'AFFILIATE', 'ADVERTISER')),
  affiliate_id  uuid REFERENCES affiliates,
  advertiser_id uuid REFERENCES advertisers,
  disabled_at   timestamptz,
  created_at    timestamptz NOT NULL,
  CONSTRAINT users_role_fits CHECK (
    (role = 'AFFILIATE') = (affiliate_id IS NOT NULL) AND
    (role = 'ADVERTISER') = (advertiser_id IS NOT NULL)
  )
);

-- A session is a family of refresh tokens, each of which works once.
CREATE TABLE sessions (
  id         uuid PRIMARY KEY,
  user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  created_at timestamptz NOT NULL,
  ended_at   timestamptz,
  end_reason text
);
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE refresh_tokens (
  hash       bytea PRIMARY KEY, -- SHA-256 of the token
  session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  used_at    timestamptz
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);

-- An offer is its identity and the terms in force; the columns that lists are
-- searched by are copied from those terms.
CREATE TABLE offers (
  id            uuid PRIMARY KEY,
  advertiser_id uuid NOT NULL REFERENCES advertisers,
  terms_id      uuid NOT NULL,
  name          text NOT NULL,
  status        text NOT NULL CHECK (status IN ('ACTIVE', 'PAUSED', 'ARCHIVED')),
  access        text NOT NULL CHECK (access IN ('PUBLIC', 'APPROVAL', 'PRIVATE')),
  created_at    timestamptz NOT NULL
);
CREATE INDEX offers_advertiser ON offers (advertiser_id);

-- Terms are versions of an offer, never edited.
CREATE TABLE terms (
  id            uuid PRIMARY KEY,
  offer_id      uuid NOT NULL,
  advertiser_id uuid NOT NULL,
  version       integer NOT NULL,
  body          jsonb NOT NULL,
  created_at    timestamptz NOT NULL,
  created_by    uuid,
  CONSTRAINT terms_version UNIQUE (offer_id, version)
);
CREATE TRIGGER terms_kept BEFORE UPDATE OR DELETE ON terms FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER terms_not_emptied BEFORE TRUNCATE ON terms FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A goal's identity over all versions of its offer.
CREATE TABLE goals (
  id         uuid PRIMARY KEY,
  offer_id   uuid NOT NULL REFERENCES offers,
  event_type text NOT NULL,
  created_at timestamptz NOT NULL,
  CONSTRAINT goals_event_type UNIQUE (offer_id, event_type)
);

-- An affiliate's own prices, never edited: a later row takes over.
CREATE TABLE payout_overrides (
  id           uuid PRIMARY KEY,
  affiliate_id uuid NOT NULL REFERENCES affiliates,
  offer_id     uuid NOT NULL REFERENCES offers,
  goal_id      uuid NOT NULL REFERENCES goals,
  payout       jsonb NOT NULL,
  valid_from   timestamptz NOT NULL,
  created_at   timestamptz NOT NULL,
  created_by   uuid
);
CREATE INDEX payout_overrides_of ON payout_overrides (affiliate_id, goal_id);
CREATE TRIGGER payout_overrides_kept BEFORE UPDATE OR DELETE ON payout_overrides FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER payout_overrides_not_emptied BEFORE TRUNCATE ON payout_overrides FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE offer_access (
  id           uuid PRIMARY KEY,
  offer_id     uuid NOT NULL REFERENCES offers,
  affiliate_id uuid NOT NULL REFERENCES affiliates,
  status       text NOT NULL CHECK (status IN ('PENDING', 'APPROVED', 'REJECTED')),
  reason       text NOT NULL DEFAULT '',
  requested_at timestamptz NOT NULL,
  decided_at   timestamptz,
  decided_by   uuid,
  CONSTRAINT offer_access_once UNIQUE (offer_id, affiliate_id)
);
CREATE INDEX offer_access_affiliate ON offer_access (affiliate_id);

CREATE TABLE tracking_links (
  id           uuid PRIMARY KEY,
  code         text NOT NULL CONSTRAINT tracking_links_code UNIQUE,
  offer_id     uuid NOT NULL REFERENCES offers,
  affiliate_id uuid NOT NULL REFERENCES affiliates,
  name         text NOT NULL DEFAULT '',
  created_at   timestamptz NOT NULL
);
CREATE INDEX tracking_links_affiliate ON tracking_links (affiliate_id);
CREATE INDEX tracking_links_offer ON tracking_links (offer_id);

-- Where affiliates want to be told (AffiliatePostback in the API).
CREATE TABLE destinations (
  id            uuid PRIMARY KEY,
  affiliate_id  uuid NOT NULL REFERENCES affiliates,
  offer_id      uuid REFERENCES offers,
  event_type    text,
  statuses      text[] NOT NULL,
  method        text NOT NULL CHECK (method IN ('GET', 'POST')),
  url_template  text NOT NULL,
  retry_on      text[] NOT NULL,
  enabled       boolean NOT NULL DEFAULT true,
  secret        bytea NOT NULL, -- sealed
  health_state  text NOT NULL DEFAULT 'UNKNOWN' CHECK (health_state IN ('UNKNOWN', 'HEALTHY', 'FAILING', 'STOPPED')),
  health_since  timestamptz NOT NULL,
  health_reason text NOT NULL DEFAULT '',
  created_at    timestamptz NOT NULL
);
CREATE INDEX destinations_affiliate ON destinations (affiliate_id);

-- Whoever keeps a snapshot of the set-up is told that it changed.
CREATE FUNCTION tell_setup_changed() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('proofback_setup', TG_TABLE_NAME);
  RETURN NULL;
END $$;
CREATE TRIGGER advertisers_told AFTER INSERT OR UPDATE OR DELETE ON advertisers FOR EACH STATEMENT EXECUTE FUNCTION tell_setup_changed();
CREATE TRIGGER affiliates_told AFTER INSERT OR UPDATE OR DELETE ON affiliates FOR EACH STATEMENT EXECUTE FUNCTION tell_setup_changed();
CREATE TRIGGER offers_told AFTER INSERT OR UPDATE OR DELETE ON offers FOR EACH STATEMENT EXECUTE FUNCTION tell_setup_changed();
CREATE TRIGGER offer_access_told AFTER INSERT OR UPDATE OR DELETE ON offer_access FOR EACH STATEMENT EXECUTE FUNCTION tell_setup_changed();
CREATE TRIGGER tracking_links_told AFTER INSERT OR UPDATE OR DELETE ON tracking_links FOR EACH STATEMENT EXECUTE FUNCTION tell_setup_changed();
CREATE TRIGGER payout_overrides_told AFTER INSERT ON payout_overrides FOR EACH STATEMENT EXECUTE FUNCTION tell_setup_changed();
