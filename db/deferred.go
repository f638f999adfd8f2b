package db

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// pastLook is a deferred request that is being looked at again.
type pastLook struct {
	postback uuid.UUID
	looks    int
	until    time.Time
	received time.Time // when it first came
}

// came is when the request came: at the moment given, unless this is a later look.
func (l *pastLook) came(now time.Time) time.Time {
	if l == nil {
		return now
	}
	return l.received
}

// errLookedMeanwhile says that a request was looked at meanwhile, and perhaps decided:
// what was read of it for this look does not hold any more.
var errLookedMeanwhile = errors.New("db: the deferred request was looked at meanwhile")

// LookAgain puts a deferred request through the rules once more, as it was read
// when it came; one that was read before anybody knew whose it is, is read anew once
// its click is stored. It gives how long to leave it alone until the next look, 0 when
// it waits no longer. The look has a log record of its own, which leads to the
// first. That may be gone by now: a rate may be waited for for longer than the log is kept.
func (s *Store) LookAgain(ctx context.Context, setup *Setup, keys *proofback.ClickKeys, postback uuid.UUID) (time.Duration, error) {
	for {
		again, err := s.lookOnce(ctx, setup, keys, postback)
		if !errors.Is(err, errLookedMeanwhile) {
			return again, err
		}
	}
}

func (s *Store) lookOnce(ctx context.Context, setup *Setup, keys *proofback.ClickKeys, postback uuid.UUID) (time.Duration, error) {
	var l pastLook
	var reading, sealed []byte
	var remoteIP, url string
	l.postback = postback
	err := s.pool.QueryRow(ctx, `
		SELECT d.looks, d.until, coalesce(p.received_at, $2), d.reading, d.sealed, coalesce(p.remote_ip, ''), coalesce(p.url, '')
		FROM deferred AS d
		LEFT JOIN postbacks AS p ON p.id = d.postback_id
		WHERE d.postback_id = $1`, postback, proofback.UUIDTime(postback)).Scan(&l.looks, &l.until, &l.received, &reading, &sealed, &remoteIP, &url)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, domainError(err)
	}
	var read proofback.Reading
	if err := json.Unmarshal(reading, &read); err != nil {
		return 0, proofback.Internal("read a deferred request", err)
	}
	sent, err := s.unseal(sealed, postback)
	if err != nil {
		return 0, err
	}
	in := &Incoming{
		ID:         newID(),
		ReceivedAt: s.clock(),
		Method:     "LOOK",
		URL:        url,
		RemoteIP:   remoteIP,
		ReplayOf:   postback,
		Sent:       sent,
		Read:       func(sender proofback.Sender) proofback.Reading { return readAgain(read, sent, sender, keys) },
		look:       &l,
	}
	if read.Endpoint != uuid.Nil {
		if in.Endpoint, err = setup.advertiser(ctx, read.Endpoint); err != nil {
			return 0, err
		}
	}
	log, err := s.Decide(ctx, setup, []*Incoming{in})
	switch {
	case err != nil:
		return 0, err
	case log[0].Result != proofback.ResultDeferred || l.last(in.ReceivedAt):
		return 0, nil
	}
	return proofback.LookDelay(l.looks+1, in.ReceivedAt, l.until), nil
}

// last reports whether the request has waited long enough.
func (l *pastLook) last(now time.Time) bool { return l != nil && !now.Before(l.until) }

// queueLooks takes hold of the deferred requests that the batch looks at, so that
// each is decided once, and by what is kept of it then: another look may have used up
// what it proves itself by.
func (b *decideBatch) queueLooks(q *pgx.Batch) {
	for i := range b.items {
		if l := b.items[i].in.look; l != nil {
			q.Queue(`SELECT postback_id FROM deferred WHERE postback_id = $1 AND looks = $2 FOR UPDATE`, l.postback, l.looks).QueryRow(func(row pgx.Row) error {
				err := row.Scan(&l.postback)
				if errors.Is(err, pgx.ErrNoRows) {
					return errLookedMeanwhile
				}
				return err
			})
		}
	}
}

// queueDeferred keeps what is to be looked at again, lets go of what is decided,
// and finds what new conversions may have been waited for.
func (b *decideBatch) queueDeferred(q *pgx.Batch, made []*proofback.Conversion) error {
	b.toLookAt = nil
	for i := range b.items {
		it := &b.items[i]
		deferred := it.decision.Result == proofback.ResultDeferred
		switch l := it.in.look; {
		case l != nil && deferred && !l.last(it.in.ReceivedAt) && it.decision.Reason == proofback.ReasonClickNotYetStored:
			q.Queue(`UPDATE deferred SET looks = looks + 1 WHERE postback_id = $1`, l.postback)
		case l != nil && deferred && !l.last(it.in.ReceivedAt):
			reading, err := it.keptReading()
			if err != nil {
				return err
			}
			q.Queue(`
				UPDATE deferred
				SET looks = looks + 1, sender = $2, reading = $3::text::jsonb, sealed = NULL, until = $4
				WHERE postback_id = $1`, l.postback, idOrNull(it.sender), reading, it.decision.Until)
		case l != nil:
			q.Queue(`DELETE FROM deferred WHERE postback_id = $1`, l.postback)
		case deferred:
			reading, err := it.keptReading()
			if err != nil {
				return err
			}
			sealed, err := b.store.seal(it)
			if err != nil {
				return err
			}
			q.Queue(`
				INSERT INTO deferred (postback_id, click_id, sender, reading, sealed, until)
				VALUES ($1, $2, $3, $4::text::jsonb, $5, $6)`,
				it.in.ID, it.reading.ClickID, idOrNull(it.sender), reading, sealed, it.decision.Until)
			b.toLookAt = append(b.toLookAt, it.in.ID)
		}
	}
	for _, c := range made {
		b.toLookAt = append(b.toLookAt, b.known.waiting[c.ClickID]...)
		delete(b.known.waiting, c.ClickID)
	}
	return nil
}

// waitingQuery brings deferred requests about some clicks.
const waitingQuery = `SELECT click_id, postback_id
	FROM deferred
	WHERE click_id = ANY ($1)`

// scanWaiting takes them, but for those that the batch looks at.
func (b *decideBatch) scanWaiting(rows pgx.Rows) error {
	for rows.Next() {
		var click, postback uuid.UUID
		if err := rows.Scan(&click, &postback); err != nil {
			return err
		}
		if !slices.ContainsFunc(b.items, func(it decideItem) bool { return it.in.look != nil && it.in.look.postback == postback }) {
			b.known.waiting[click] = append(b.known.waiting[click], postback)
		}
	}
	return rows.Err()
}

// enqueueLooks asks for what waits to be looked at.
func (b *decideBatch) enqueueLooks(ctx context.Context, tx pgx.Tx) error {
	if len(b.toLookAt) == 0 {
		return nil
	}
	if b.store.enqueuer == nil {
		return errors.New("db: requests were deferred, but there is nobody to look at them again")
	}
	return b.store.enqueuer.EnqueueLooks(ctx, tx, b.toLookAt)
}
