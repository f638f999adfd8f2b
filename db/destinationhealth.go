package db

import (
	"context"
	"net/url"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// findings are what attempts that are recorded together tell of one destination.
type findings struct {
	id    uuid.UUID
	up    bool // it was up
	downs int  // how often it was down after that
	well  bool // the last one delivered
	gone  bool
	// fresh is whether one delivered before failedAt, the first failure after it.
	fresh    bool
	failedAt time.Time
	reason   string // of the last failure
}

func findingsOf(attempts []AttemptRecord) []*findings {
	byID := map[uuid.UUID]*findings{}
	var list []*findings
	for i := range attempts {
		a := &attempts[i]
		f := byID[a.Due.DestinationID]
		if f == nil {
			f = &findings{id: a.Due.DestinationID}
			byID[f.id] = f
			list = append(list, f)
		}
		switch {
		case a.Outcome.Up():
			f.up, f.downs = true, 0
		case a.Outcome.Down():
			f.downs++
		}
		if f.well = a.Outcome == proofback.OutcomeDelivered; f.well {
			f.fresh, f.failedAt = true, time.Time{}
			continue
		}
		f.gone = f.gone || a.Outcome == proofback.OutcomeGone
		f.reason = a.Error
		if f.failedAt.IsZero() {
			f.failedAt = a.At
		}
	}
	return list
}

// recordHealth moves the health of the destinations of recorded attempts, tells
// the owners of those that are stopped by it, and gives what is to be released. A
// destination that is well is not written.
func (s *Store) recordHealth(ctx context.Context, tx pgx.Tx, policy proofback.HealthPolicy, attempts []AttemptRecord, now time.Time) ([]Release, error) {
	list := findingsOf(attempts)
	if len(list) == 0 {
		return nil, nil
	}
	type f = *findings
	rows, err := tx.Query(ctx, `
		WITH found AS (
		  SELECT *
		  FROM unnest($1::uuid[], $2::boolean[], $3::integer[], $4::boolean[], $5::boolean[], $6::boolean[], $7::timestamptz[], $8::text[])
		    AS found (id, up, downs, well, is_gone, fresh, failed_at, reason)
		), before AS (
		  SELECT d.*, f.up, f.downs, f.well, f.is_gone, f.fresh, f.failed_at, f.reason
		  FROM destinations AS d
		  JOIN found AS f USING (id)
		  WHERE d.health_state NOT IN ('PAUSED', 'STOPPED')
		    AND (NOT f.well OR d.health_state <> 'HEALTHY' OR d.failures > 0 OR d.open_until IS NOT NULL)
		  ORDER BY d.id
		  FOR UPDATE OF d
		), counted AS (
		  SELECT
		    *,
		    CASE WHEN up THEN 0 ELSE failures END + downs AS in_row,
		    CASE WHEN NOT up THEN open_until END AS still_open,
		    CASE WHEN NOT up THEN opened ELSE 0 END AS times,
		    CASE WHEN NOT well THEN CASE WHEN fresh OR failing_since IS NULL THEN failed_at ELSE failing_since END END AS failing
		  FROM before
		), judged AS (
		  SELECT
		    *,
		    downs > 0 AND CASE WHEN still_open IS NULL THEN in_row >= $10 ELSE still_open <= $9 END AS trips,
		    CASE WHEN is_gone THEN 'STOPPED' WHEN well THEN 'HEALTHY' WHEN failing <= $9 - $13::bigint * interval '1 ms' THEN 'PAUSED' ELSE 'FAILING' END AS state
		  FROM counted
		)
		UPDATE destinations AS d
		SET
		  failures = j.in_row,
		  failing_since = j.failing,
		  opened = j.times + j.trips::integer,
		  open_until = CASE
		    WHEN j.state IN ('PAUSED', 'STOPPED') THEN NULL
		    WHEN j.trips THEN $9 + least($12::bigint, $11::bigint * 2 ^ least(j.times, 30)) * interval '1 ms'
		    ELSE j.still_open
		  END,
		  probe_until = NULL,
		  gone = j.is_gone,
		  enabled = d.enabled AND j.state NOT IN ('PAUSED', 'STOPPED'),
		  health_state = j.state,
		  health_since = CASE WHEN d.health_state = j.state THEN d.health_since ELSE $9 END,
		  health_reason = CASE WHEN j.well THEN '' ELSE j.reason END
		FROM judged AS j
		WHERE d.id = j.id
		RETURNING d.id, d.affiliate_id, d.url_template, d.health_state, j.failing, j.trips, j.open_until IS NOT NULL, d.open_until, d.health_reason`,
		pgx.QueryExecModeCacheStatement,
		column(list, func(f f) uuid.UUID { return f.id }),
		column(list, func(f f) bool { return f.up }),
		column(list, func(f f) int { return f.downs }),
		column(list, func(f f) bool { return f.well }),
		column(list, func(f f) bool { return f.gone }),
		column(list, func(f f) bool { return f.fresh }),
		column(list, func(f f) *time.Time { return timeOrNull(f.failedAt) }),
		column(list, func(f f) string { return f.reason }),
		now, policy.OpenAfter, policy.OpenFor.Milliseconds(), policy.OpenAtMost.Milliseconds(), policy.PauseAfter.Milliseconds())
	if err != nil {
		return nil, err
	}
	var (
		releases           []Release
		notices            []proofback.Notice
		n                  proofback.Notice
		template, reason   string
		state              proofback.HealthState
		failing, openUntil *time.Time
		trips, wasOpen     bool
	)
	_, err = pgx.ForEachRow(rows, []any{&n.DestinationID, &n.AffiliateID, &template, &state, &failing, &trips, &wasOpen, &openUntil, &reason}, func() error {
		switch {
		case state == proofback.HealthStopped:
			n.Kind, n.Message = proofback.NoticeStopped, stoppedMessage(template)
			notices = append(notices, n)
			releases = append(releases, Release{n.DestinationID, now}) // to fail: nobody else comes for it
		case state == proofback.HealthPaused:
			n.Kind, n.Message = proofback.NoticePaused, pausedMessage(template, orZeroTime(failing), reason)
			notices = append(notices, n)
		case trips:
			releases = append(releases, Release{n.DestinationID, openUntil.UTC()})
		case wasOpen && (openUntil == nil || !openUntil.After(now)):
			releases = append(releases, Release{n.DestinationID, now})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return releases, insertNotices(ctx, tx, notices, now)
}

// stoppedMessage and pausedMessage tell an affiliate what became of its endpoint,
// by its host: the rest of the URL may hold secrets.
func stoppedMessage(template string) string {
	return "The endpoint at " + hostOf(template) + " answered 410 Gone: it was switched off, and what was still to be sent to it has failed. " +
		"Switch it on again if this is a mistake, and retry what failed."
}

func pausedMessage(template string, since time.Time, reason string) string {
	return "Nothing could be delivered to the endpoint at " + hostOf(template) + " since " + since.Format("2006-01-02 15:04") + " UTC (" + reason + "): " +
		"it was switched off. What is to be sent to it waits, and is sent in its order once it is switched on again."
}

func hostOf(template string) string {
	u, err := url.Parse(template)
	if err != nil || u.Host == "" {
		return "an unreadable URL"
	}
	return u.Host
}

// ClaimProbe lets one attempt through a half-open breaker: whoever gets true must
// make it, and has until then to record it.
func (s *Store) ClaimProbe(ctx context.Context, actor proofback.Actor, destination uuid.UUID, within time.Duration) (bool, error) {
	if actor.Role != proofback.RoleSystem {
		return false, errSystemOnly
	}
	now := s.clock()
	tag, err := s.pool.Exec(ctx, `
		UPDATE destinations
		SET probe_until = $3
		WHERE id = $1
		  AND enabled
		  AND open_until <= $2
		  AND (probe_until IS NULL OR probe_until <= $2)`, destination, now, now.Add(within))
	return err == nil && tag.RowsAffected() == 1, domainError(err)
}

// slotTolerance is what a bound on the rate lets be made up for, since jobs come a
// little late.
const slotTolerance = "100 ms"

// TakeSlot takes the place in time of one request to a destination whose rate is
// bounded, over all processes. When it is not yet there, ok is false and next
// tells when it will be.
func (s *Store) TakeSlot(ctx context.Context, actor proofback.Actor, destination uuid.UUID) (next time.Time, ok bool, err error) {
	if actor.Role != proofback.RoleSystem {
		return next, false, errSystemOnly
	}
	now := s.clock()
	err = s.pool.QueryRow(ctx, `
		WITH taken AS (
		  UPDATE destinations
		  SET next_slot_at = greatest(next_slot_at, $2 - $3::interval) + interval '1 second' / max_per_second
		  WHERE id = $1
		    AND (max_per_second IS NULL OR next_slot_at IS NULL OR next_slot_at <= $2)
		  RETURNING id
		)
		SELECT EXISTS (SELECT FROM taken), coalesce(next_slot_at, $2)
		FROM destinations
		WHERE id = $1`, destination, now, slotTolerance).Scan(&ok, &next)
	return next.UTC(), ok, domainError(err)
}
