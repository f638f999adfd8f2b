-- Requests that could not be decided yet, as they were read (masked). Each is
-- looked at again by a job until it is decided or has waited long enough.
CREATE TABLE deferred (
  postback_id uuid PRIMARY KEY,
  click_id    uuid NOT NULL,
  sender      uuid,           -- the advertiser that it was read for
  reading     jsonb NOT NULL,
  looks       integer NOT NULL DEFAULT 0,
  until       timestamptz NOT NULL
);
CREATE INDEX deferred_click ON deferred (click_id);
