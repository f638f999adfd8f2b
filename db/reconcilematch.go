package db

// The statements that compare an advertiser's list with our conversions, one after
// the other, each over all rows at once. They work on temporary tables: theirs (the
// lines that can be compared), ours (conversions of the time, and those that lines
// name), and pairs. $1 is the reconciliation.

// reconcileTheirs takes the lines. An event type that none of the advertiser's goals
// has says nothing that could be compared.
const reconcileTheirs = `
CREATE TEMPORARY TABLE theirs ON COMMIT DROP AS
SELECT
	l.line,
	l.txid,
	l.click_id,
	goal.event_type,
	CASE WHEN r.by_revenue THEN l.revenue ELSE l.amount END AS amount,
	l.currency,
	l.status,
	l.at,
	(l.at IS NULL OR l.at >= r.range_from AND l.at < r.range_to) AS inside
FROM reconciliation_rows AS l
JOIN reconciliations AS r ON r.id = l.reconciliation_id
LEFT JOIN (
	SELECT DISTINCT o.advertiser_id, lower(g.event_type) AS event_type
	FROM goals AS g
	JOIN offers AS o ON o.id = g.offer_id
) AS goal ON goal.advertiser_id = r.advertiser_id AND goal.event_type = lower(l.event_type)
WHERE l.reconciliation_id = $1
  AND l.problem = ''`

// reconcileOurs takes the conversions, with what staff have corrected of their sales and
// revenue. Revenue is what they are compared by, too, where an offer has a fixed price and
// no sale was told.
const reconcileOurs = `
CREATE TEMPORARY TABLE ours ON COMMIT DROP AS
SELECT
	c.id,
	c.txid,
	c.click_id,
	lower(c.event_type) AS event_type,
	CASE WHEN r.by_revenue OR c.amount IS NULL THEN c.revenue + coalesce(a.revenue, 0) ELSE c.amount + coalesce(a.amount, 0) END AS amount,
	CASE WHEN r.by_revenue OR c.amount IS NULL THEN c.revenue_currency ELSE c.amount_currency END AS currency,
	c.status,
	c.event_at,
	(c.event_at >= r.range_from AND c.event_at < r.range_to) AS inside
FROM reconciliations AS r
JOIN conversions AS c ON c.advertiser_id = r.advertiser_id
LEFT JOIN (
	SELECT conversion_id, sum(revenue) AS revenue, sum(amount) AS amount
	FROM adjustments
	WHERE kind = 'AMOUNT'
	  AND advertiser_id = (SELECT advertiser_id FROM reconciliations WHERE id = $1)
	GROUP BY conversion_id
) AS a ON a.conversion_id = c.id
WHERE r.id = $1
  AND NOT c.test
  AND (
	c.event_at >= r.range_from AND c.event_at < r.range_to
	OR c.txid IN (SELECT t.txid FROM theirs AS t)
	OR c.click_id IN (SELECT t.click_id FROM theirs AS t)
  )`

// reconcileIndex lets the pairs be looked up.
const reconcileIndex = `
CREATE TEMPORARY TABLE pairs (line bigint PRIMARY KEY, id uuid NOT NULL UNIQUE) ON COMMIT DROP;
ANALYZE theirs;
ANALYZE ours`

// reconcilePair pairs what has no pair yet: within a key, the first line with the
// first conversion, the second with the second. %[1]s and %[2]s are the key of a line
// and of a conversion, %[3]s which lines and %[4]s which conversions may be paired.
const reconcilePair = `
INSERT INTO pairs (line, id)
SELECT t.line, o.id
FROM (
	SELECT line, ROW (%[1]s) AS key, row_number() OVER (PARTITION BY %[1]s ORDER BY at NULLS LAST, line) AS place
	FROM theirs
	WHERE %[3]s
	  AND NOT EXISTS (SELECT FROM pairs WHERE pairs.line = theirs.line)
) AS t
JOIN (
	SELECT id, ROW (%[2]s) AS key, row_number() OVER (PARTITION BY %[2]s ORDER BY event_at, id) AS place
	FROM ours
	WHERE %[4]s
	  AND NOT EXISTS (SELECT FROM pairs WHERE pairs.id = ours.id)
) AS o ON o.key = t.key AND o.place = t.place`

// reconcilePairs are the ways in which an event is recognised, the surest first: by
// its transaction id, with and without its type; where one side has none, by its
// click.
var reconcilePairs = [...][4]string{
	{"txid, event_type", "txid, event_type", "txid IS NOT NULL AND event_type IS NOT NULL", "txid IS NOT NULL"},
	{"txid", "txid", "txid IS NOT NULL AND event_type IS NULL", "txid IS NOT NULL"},
	{"click_id, event_type", "click_id, event_type", "txid IS NULL AND event_type IS NOT NULL", "true"},
	{"click_id", "click_id", "txid IS NULL AND event_type IS NULL", "true"},
	{"click_id, event_type", "click_id, event_type", "txid IS NOT NULL AND click_id IS NOT NULL AND event_type IS NOT NULL", "txid IS NULL"},
	{"click_id", "click_id", "txid IS NOT NULL AND click_id IS NOT NULL AND event_type IS NULL", "txid IS NULL"},
}

// reconcileAlone takes the lines without a pair, and says which of them repeat an
// earlier line: by transaction id, or word for word where there is none.
const reconcileAlone = `
CREATE TEMPORARY TABLE alone ON COMMIT DROP AS
SELECT *
FROM (
	SELECT
		t.*,
		p.line IS NOT NULL AS paired,
		first_value(t.line) OVER same AS first_line
	FROM theirs AS t
	LEFT JOIN pairs AS p USING (line)
	WINDOW same AS (
		PARTITION BY
			t.txid,
			t.event_type,
			CASE WHEN t.txid IS NULL THEN ROW (t.click_id, t.amount, t.currency, t.at) END
		ORDER BY p.line IS NULL, t.line
	)
) AS t
WHERE NOT paired`

// reconcileWhy finds the last request in the log about each line without a pair.
const reconcileWhy = `
CREATE TEMPORARY TABLE why ON COMMIT DROP AS
SELECT DISTINCT ON (line) line, result, reason, message, conversion_id
FROM (
	SELECT a.line, 1 AS by, p.id, p.result, p.reason, p.message, p.conversion_id
	FROM reconciliations AS r
	JOIN postbacks AS p ON p.advertiser_id = r.advertiser_id AND p.result <> 'accepted'
	JOIN alone AS a ON a.txid = p.txid
	WHERE r.id = $1
	UNION ALL
	SELECT a.line, 1, p.id, p.result, p.reason, p.message, p.conversion_id
	FROM reconciliations AS r
	CROSS JOIN alone AS a
	JOIN conversions AS c ON c.advertiser_id = r.advertiser_id AND c.txid = a.txid
	JOIN postbacks AS p ON p.id = c.postback_id
	WHERE r.id = $1
	UNION ALL
	SELECT a.line, 2, p.id, p.result, p.reason, p.message, p.conversion_id
	FROM alone AS a
	CROSS JOIN LATERAL (
		SELECT id
		FROM postbacks
		WHERE click_id = a.click_id
		AND result <> 'accepted'
		UNION ALL
		SELECT postback_id
		FROM conversions
		WHERE click_id = a.click_id
	) AS of_click
	JOIN postbacks AS p ON p.id = of_click.id
	JOIN reconciliations AS r ON r.id = $1 AND r.advertiser_id = p.advertiser_id
	WHERE a.txid IS NULL OR p.txid IS NULL
) AS told
ORDER BY line, by, id DESC`

// reconcileSuggest finds a conversion that a line might be, by amount and a time
// within an hour. It is told, and nothing is paired by it.
const reconcileSuggest = `
CREATE TEMPORARY TABLE suggested ON COMMIT DROP AS
SELECT DISTINCT ON (a.line) a.line, o.id
FROM (
	SELECT line, amount, currency, at, floor(extract(epoch FROM at) / 3600) + near.hour AS hour
	FROM alone
	CROSS JOIN (VALUES (-1), (0), (1)) AS near (hour)
	WHERE at IS NOT NULL
	  AND amount IS NOT NULL
	  AND line = first_line
) AS a
JOIN (
	SELECT id, amount, currency, event_at, floor(extract(epoch FROM event_at) / 3600) AS hour
	FROM ours
	WHERE inside
	  AND status <> 'REJECTED'
	  AND NOT EXISTS (SELECT FROM pairs WHERE pairs.id = ours.id)
) AS o ON o.hour = a.hour AND o.currency = a.currency AND o.amount = a.amount
WHERE abs(extract(epoch FROM o.event_at - a.at)) <= 3600
ORDER BY a.line, abs(extract(epoch FROM o.event_at - a.at)), o.id`

// reconcileJudge says how each stands: pairs, lines alone, and conversions alone that
// count. What is rejected here and is not in their list, both sides agree on.
const reconcileJudge = `
CREATE TEMPORARY TABLE judged ON COMMIT DROP AS
SELECT
	CASE
		WHEN NOT t.inside AND NOT o.inside THEN 'OUTSIDE_PERIOD'
		WHEN t.amount IS NOT NULL AND o.amount IS NOT NULL AND t.currency <> o.currency THEN 'CURRENCY_DIFFERS'
		WHEN t.amount <> o.amount THEN 'AMOUNT_DIFFERS'
		WHEN coalesce(t.status <> o.status, o.status = 'REJECTED') THEN 'STATUS_DIFFERS'
		WHEN (t.at AT TIME ZONE a.time_zone)::date <> (o.event_at AT TIME ZONE a.time_zone)::date OR t.inside <> o.inside THEN 'TIME_SHIFTED'
		ELSE 'MATCHED'
	END AS kind,
	t.line,
	o.id AS conversion_id,
	NULL::uuid AS suggested_id,
	coalesce(t.txid, o.txid) AS txid,
	o.amount AS platform_amount,
	CASE WHEN o.amount IS NOT NULL THEN o.currency END AS platform_currency,
	t.amount AS advertiser_amount,
	CASE WHEN t.amount IS NOT NULL THEN t.currency END AS advertiser_currency,
	t.status AS their_status,
	o.status AS our_status,
	to_char(t.at AT TIME ZONE a.time_zone, 'YYYY-MM-DD HH24:MI') AS their_time,
	to_char(o.event_at AT TIME ZONE a.time_zone, 'YYYY-MM-DD HH24:MI') AS our_time,
	NULL::bigint AS first_line,
	NULL AS result,
	NULL AS reason,
	NULL AS message
FROM pairs AS p
JOIN theirs AS t USING (line)
JOIN ours AS o USING (id)
JOIN reconciliations AS r ON r.id = $1
JOIN advertisers AS a ON a.id = r.advertiser_id
UNION ALL
SELECT
	CASE
		WHEN NOT t.inside THEN 'OUTSIDE_PERIOD'
		WHEN t.line <> t.first_line THEN 'DUPLICATE_THERE'
		ELSE 'MISSING_HERE'
	END,
	t.line,
	CASE WHEN t.inside AND t.line <> t.first_line THEN p.id END,
	s.id,
	t.txid,
	NULL,
	NULL,
	t.amount,
	CASE WHEN t.amount IS NOT NULL THEN t.currency END,
	t.status,
	NULL,
	to_char(t.at AT TIME ZONE a.time_zone, 'YYYY-MM-DD HH24:MI'),
	NULL,
	t.first_line,
	w.result,
	w.reason,
	w.message
FROM alone AS t
JOIN reconciliations AS r ON r.id = $1
JOIN advertisers AS a ON a.id = r.advertiser_id
LEFT JOIN pairs AS p ON p.line = t.first_line
LEFT JOIN suggested AS s ON s.line = t.line
LEFT JOIN why AS w ON w.line = t.line
UNION ALL
SELECT 'MISSING_THERE', NULL, o.id, NULL, o.txid, o.amount, CASE WHEN o.amount IS NOT NULL THEN o.currency END,
	NULL, NULL, NULL, o.status, NULL, to_char(o.event_at AT TIME ZONE a.time_zone, 'YYYY-MM-DD HH24:MI'), NULL, NULL, NULL, NULL
FROM ours AS o
JOIN reconciliations AS r ON r.id = $1
JOIN advertisers AS a ON a.id = r.advertiser_id
WHERE o.inside
  AND o.status <> 'REJECTED'
  AND NOT EXISTS (SELECT FROM pairs AS p WHERE p.id = o.id)`

// reconcileItems stores the result, differences first, each with a sentence.
const reconcileItems = `
INSERT INTO reconciliation_items (reconciliation_id, n, kind, line, conversion_id, suggested_id, txid,
	platform_amount, platform_currency, advertiser_amount, advertiser_currency, detail)
SELECT
	$1,
	row_number() OVER (ORDER BY kind = 'MATCHED', line NULLS LAST, conversion_id),
	kind, line, conversion_id, suggested_id, txid,
	platform_amount, platform_currency, advertiser_amount, advertiser_currency,
	CASE kind
		WHEN 'MATCHED' THEN ''
		WHEN 'AMOUNT_DIFFERS' THEN format('they say %s %s, we have %s %s', advertiser_amount, advertiser_currency, platform_amount, platform_currency)
		WHEN 'CURRENCY_DIFFERS' THEN format('they say %s %s, we have %s %s', advertiser_amount, advertiser_currency, platform_amount, platform_currency)
		WHEN 'STATUS_DIFFERS' THEN format('they %s, we have it as %s', coalesce('say ' || lower(their_status), 'list it'), lower(our_status))
		WHEN 'TIME_SHIFTED' THEN format('they say %s, we have %s, in the advertiser''s time zone', coalesce(their_time, 'no time'), our_time)
		WHEN 'DUPLICATE_THERE' THEN format('line %s told of this event already', first_line)
		WHEN 'OUTSIDE_PERIOD' THEN format('they say %s, which is outside of the time that was asked for', their_time)
		WHEN 'MISSING_THERE' THEN format('we have it as %s, of %s; it is not in their list', lower(our_status), our_time)
		WHEN 'MISSING_HERE' THEN concat(
			CASE
				WHEN reason IS NULL THEN 'no postback about it ever arrived'
				WHEN result = 'rejected' THEN format('its postback was refused as %s: %s', reason, message)
				WHEN result = 'deferred' THEN format('its postback still waits as %s: %s', reason, message)
				ELSE format('the last postback about it was %s (%s): %s', result, reason, message)
			END,
			CASE WHEN suggested_id IS NOT NULL THEN '; a conversion with another id has the same amount within an hour' END)
	END
FROM judged`

// reconcileSum adds up.
const reconcileSum = `
INSERT INTO reconciliation_summary (reconciliation_id, kind, platform_currency, advertiser_currency, count, platform_amount, advertiser_amount)
SELECT $1, kind, platform_currency, advertiser_currency, count(*), sum(platform_amount), sum(advertiser_amount)
FROM judged
GROUP BY kind, platform_currency, advertiser_currency`

// reconcileProof counts what was compared and what came of it: every line, and every
// conversion of the time that counts, must be there once.
const reconcileProof = `
SELECT
	(SELECT count(*) FROM theirs),
	(SELECT count(*) FROM judged WHERE line IS NOT NULL),
	(SELECT count(*) FROM ours WHERE inside AND (status <> 'REJECTED' OR id IN (SELECT id FROM pairs))),
	(SELECT count(*) FROM judged AS j JOIN ours AS o ON o.id = j.conversion_id WHERE o.inside AND j.kind <> 'DUPLICATE_THERE')`
