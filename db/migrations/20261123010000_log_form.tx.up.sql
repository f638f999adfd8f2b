-- The log keeps what is said of nearly every request by a number, and what follows from
-- a row's other columns not at all. What the stored forms mean is told in logform.go; rows that
-- stood there before are as they were. postback_log shows the rows of both in full.

COMMENT ON COLUMN postbacks.parameters IS 'Short: postback_parameters(parameters, url) spells it out, and so does the view postback_log.';
COMMENT ON COLUMN postbacks.checks IS 'Short: postback_checks(checks, message) spells it out, and so does the view postback_log.';
COMMENT ON COLUMN postbacks.response_body IS 'Only the status that it told, if it is the usual one: the view postback_log spells it out.';

-- What checks say that pass; %s is a place. Numbers are for ever.
CREATE TABLE check_phrases (
  number   smallint PRIMARY KEY,
  name     text NOT NULL,
  sentence text NOT NULL
);
INSERT INTO check_phrases (number, name, sentence) VALUES
  (1, 'security', 'the advertiser asks for no proof but an allowed address'),
  (2, 'security', 'proved by %s'),
  (3, 'request', 'every parameter could be read, none is a macro that was not filled in'),
  (4, 'click_id', 'it is whole and ours'),
  (5, 'values', 'amounts, currency, status and timestamp are in order'),
  (6, 'click', 'made at %s'),
  (7, 'event', 'goal "%s"'),
  (8, 'same_event', 'the event is new'),
  (9, 'same_event', 'conversion %s is this event'),
  (10, 'transition', 'from %s to %s'),
  (11, 'once_per_click', 'it is the click''s first'),
  (12, 'price', 'payout and revenue follow from the terms of version %s'),
  (13, 'offer', 'the click was sent to the offer'),
  (14, 'window', '%s after the click, within %s'),
  (15, 'window', 'it came before its click, by the clock of the process that took it: that clock is behind, or was set back since'),
  (16, 'minimum', 'the amount reaches %s'),
  (17, 'prerequisite', 'the click has its %s'),
  (18, 'caps', 'within every cap of the offer'),
  (19, 'caps', 'a test counts for no cap'),
  (20, 'period', '%s is closed, so it is booked in %s, on the %s, as an adjustment');

-- The checks of a request: a list of objects with name, passed and detail.
CREATE FUNCTION postback_checks(checks json, message text) RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT coalesce(json_agg(
    CASE
      WHEN json_typeof(m.member) = 'object' THEN m.member
      WHEN json_typeof(m.member) = 'number' OR json_typeof(m.member -> 0) = 'number' THEN
        json_build_object('name', p.name, 'passed', true, 'detail', format(p.sentence, VARIADIC
          ARRAY(SELECT place FROM json_array_elements_text(m.list) WITH ORDINALITY AS l (place, at) WHERE at > 1 ORDER BY at)))
      ELSE json_build_object('name', m.member ->> 0, 'passed', false, 'detail', coalesce(m.member ->> 1, message))
    END ORDER BY m.at), '[]')
  FROM (
    SELECT member, at, CASE json_typeof(member) WHEN 'array' THEN member ELSE '[]' END AS list
    FROM json_array_elements(checks) WITH ORDINALITY AS e (member, at)
  ) AS m
  LEFT JOIN check_phrases AS p ON p.number::text = CASE json_typeof(m.member) WHEN 'number' THEN m.member #>> '{}' ELSE m.list ->> 0 END
$$;

-- The parameters of a request: a list of objects with name, value and, if it counts as
-- something, canonical.
CREATE FUNCTION postback_parameters(parameters json, url text) RETURNS json
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  WITH members AS (
    SELECT member, kind, at, count, (sum(count) OVER (ORDER BY at) - count)::integer AS before
    FROM (
      SELECT member, kind, at, CASE kind WHEN 'number' THEN member::text::integer ELSE 1 END AS count
      FROM json_array_elements(parameters) WITH ORDINALITY AS e (member, at)
      CROSS JOIN LATERAL (SELECT json_typeof(member)) AS t (kind)
    ) AS m
  )
  SELECT coalesce(json_agg(
    CASE kind
      WHEN 'object' THEN member
      WHEN 'array' THEN json_strip_nulls(json_build_object('name', member ->> 0, 'value', member ->> 1,
        'canonical', nullif(coalesce(member ->> 2, member ->> 0), '')))
      ELSE json_strip_nulls(json_build_object('name', name, 'value', substr(pair, length(name) + 2),
        'canonical', nullif(CASE kind WHEN 'string' THEN member #>> '{}' ELSE name END, '')))
    END ORDER BY at, i), '[]')
  FROM members
  CROSS JOIN generate_series(1, count) AS i
  CROSS JOIN LATERAL (SELECT (string_to_array(substr(url, strpos(url, '?') + 1), '&'))[before + i]) AS q (pair)
  CROSS JOIN LATERAL (SELECT split_part(pair, '=', 1)) AS n (name)
$$;

-- How the API names a thing.
CREATE FUNCTION global_id(kind text, id uuid) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT translate(encode(convert_to(kind || ':', 'UTF8') || uuid_send(id), 'base64'), E'+/=\n', '-_')
$$;

-- The log as people read it.
CREATE VIEW postback_log WITH (security_invoker = true) AS
SELECT
  id, received_at, method, url, remote_ip,
  postback_parameters(parameters, url) AS parameters,
  advertiser_id, offer_id, affiliate_id, click_id, txid, event_type, result, reason, message,
  postback_checks(checks, message) AS checks,
  response_status,
  CASE WHEN starts_with(response_body, '{') THEN response_body
  ELSE
    '{"request_id":' || to_json(global_id('Postback', id)) || ',"result":' || to_json(result) || ',"reason":' || to_json(reason) ||
    ',"message":' || to_json(message) || coalesce(',"conversion_id":' || to_json(global_id('Conversion', conversion_id)), '') ||
    CASE response_body WHEN '' THEN '' ELSE ',"status":' || to_json(response_body) END || E'}\n'
  END AS response_body,
  duration, conversion_id, replay_of
FROM postbacks;
