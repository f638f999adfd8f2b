-- Most conversions are told of when they happen, with no time of their own: then they
-- were received at the time of their event, and are found by that. Only the others need
-- to be found by when they were received.
DROP INDEX conversions_received_at;
CREATE INDEX conversions_received_at ON conversions (received_at, id) WHERE received_at <> event_at;

-- Those that wait for a rate, by one index.
DROP INDEX conversions_waiting;
DROP INDEX conversions_waiting_event;
CREATE INDEX conversions_waiting ON conversions (event_at, id) WHERE rate_date IS NULL;
