-- Tries to sign in that failed, by account and by address: all processes count together.
-- An account that does not exist is counted like one that does.
CREATE TABLE sign_in_tries (
  key           text PRIMARY KEY,
  failed        integer NOT NULL DEFAULT 0,
  last_at       timestamptz NOT NULL,
  blocked_until timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX sign_in_tries_last ON sign_in_tries (last_at);

-- By what an invitation is followed, and a password set anew.
CREATE TABLE one_time_tokens (
  hash       bytea PRIMARY KEY, -- SHA-256 of the token
  user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  purpose    text NOT NULL CHECK (purpose IN ('INVITATION', 'PASSWORD_RESET')),
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
);
CREATE INDEX one_time_tokens_user ON one_time_tokens (user_id);
CREATE INDEX one_time_tokens_expiry ON one_time_tokens (expires_at);

-- The second factor of staff (RFC 6238). It is begun, and holds once a code was shown.
CREATE TABLE second_factors (
  user_id      uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
  totp_secret  bytea NOT NULL, -- sealed
  confirmed_at timestamptz,
  last_step    bigint NOT NULL DEFAULT 0, -- codes up to it are used up
  created_at   timestamptz NOT NULL
);
CREATE TABLE recovery_codes (
  hash    bytea PRIMARY KEY, -- SHA-256 of the code
  user_id uuid NOT NULL REFERENCES second_factors ON DELETE CASCADE
);
CREATE INDEX recovery_codes_user ON recovery_codes (user_id);
