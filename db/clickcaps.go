package db

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/proofback/proofback"
)

// Caps on clicks are held in the transaction that stores the clicks: it takes
// hold of the counters, gives out the places that are left in the order in which
// the clicks came, marks the others in their rows, and writes both. Who clicked is
// answered after the commit, with what it came to.
//
// Clicks are counted for offers that have a cap on them, and go on being counted
// when a later version of the terms has none, so that a counter is right when the
// cap comes back. No other click costs anything.

// capPeriods are the periods that a metric is counted by.
var capPeriods = [...]proofback.CapPeriod{proofback.CapDaily, proofback.CapMonthly, proofback.CapTotal}

// countsClicks is the condition on terms by which their offer's clicks are counted,
// as the index terms_count_clicks has it.
const countsClicks = `body @> '{"caps": [{"metric": "CLICKS"}]}'`

// countedClick is a click that takes a place, if there is one, in each period of
// its offer.
type countedClick struct {
	offer  uuid.UUID
	spans  [len(capPeriods)]proofback.TimeRange
	limits [len(capPeriods)]proofback.Decimal // of the click's terms; "" for none

	row     int // where in its batch its row begins
	outcome proofback.ClickOutcome
}

func newCountedClick(c *proofback.Click, caps []proofback.Cap, zone *time.Location) *countedClick {
	n := &countedClick{offer: c.OfferID, outcome: c.Outcome}
	for i, period := range capPeriods {
		n.spans[i] = period.Span(c.At, zone)
		for _, limit := range caps {
			if limit.Metric == proofback.CapClicks && limit.Period == period {
				n.limits[i] = limit.Limit
			}
		}
	}
	return n
}

// counter is the counter of the i-th period.
func (n *countedClick) counter(i int) capKey {
	return capKey{n.offer, proofback.CapClicks, capPeriods[i], n.spans[i].From}
}

// needed are the counters that the click is judged by.
func (n *countedClick) needed() capSet {
	set := capSet{}
	for i, limit := range n.limits {
		if limit != "" {
			set[n.counter(i)] = n.spans[i].To
		}
	}
	return set
}

// errNoCounter says that a counter that had been made is gone.
var errNoCounter = errors.New("db: a counter of clicks is missing")

// takeClick takes a place for a click, or says that there is none.
func (c *capCounters) takeClick(n *countedClick) error {
	for i, limit := range n.limits {
		if limit == "" {
			continue
		}
		k := n.counter(i)
		used, held := c.used[k]
		if !held || c.uncounted[k] {
			return fmt.Errorf("%w: offer %s, %s from %s", errNoCounter, n.offer, capPeriods[i], n.spans[i].From)
		}
		if used.Add("1").Cmp(limit) > 0 {
			n.outcome = proofback.ClickCapReached
			return nil
		}
	}
	for i := range capPeriods {
		k := n.counter(i)
		if used, held := c.used[k]; held {
			c.used[k], c.changed[k] = used.Add("1"), true
		}
	}
	return nil
}

// queueCounters takes hold of the counters that the batch's clicks count for.
func (b *clickBatch) queueCounters(q *pgx.Batch) *capCounters {
	c, all := newCapCounters(), capSet{}
	for _, n := range b.counted {
		for i := range capPeriods {
			all[n.counter(i)] = n.spans[i].To
		}
	}
	if len(all) > 0 {
		c.queueHold(q, all)
	}
	return c
}

// takePlaces judges the batch's clicks by the counters it holds, and writes into
// the rows what they came to.
func (b *clickBatch) takePlaces(c *capCounters) error {
	for _, n := range b.counted {
		if err := c.takeClick(n); err != nil {
			return err
		}
		binary.BigEndian.PutUint16(b.copy.messages[n.row+outcomeOffset:], uint16(n.outcome))
	}
	return nil
}

// clockSpread is more than the clocks of two processes are apart.
const clockSpread = time.Hour

// clicksOf is what is stored of what a counter k of clicks of an offer o counts, until it
// ends. It reads all clicks of the period since the offer was made: there is no index of
// clicks by offer, as nothing else would use it.
const clicksOf = `(
		SELECT count(*)
		FROM clicks AS c
		WHERE c.id >= uuid_floor(greatest(k.starts, o.created_at - interval '1 hour'))
		AND c.id < uuid_floor(k.ends)
		AND c.offer_id = k.offer_id
		AND c.outcome = 0
		AND NOT c.bot
		AND c.link_id <> '00000000-0000-0000-0000-000000000000')` // no test

// clickHolders are the transactions that have their lock on clicks, as all do that store
// some, before they look for counters.
const clickHolders = `
	SELECT virtualtransaction
	FROM pg_locks
	WHERE locktype = 'relation'
	AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
	AND relation = 'clicks'::regclass
	AND mode = 'RowExclusiveLock'
	AND granted`

// makeClickCounters makes those counters of a set that are not there yet.
func makeClickCounters(ctx context.Context, pool *pgxpool.Pool, set capSet) error {
	if len(set) == 0 {
		return nil
	}
	return makeCounters(ctx, pool, set, clickHolders, clicksOf)
}
