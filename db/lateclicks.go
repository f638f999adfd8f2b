package db

import (
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// lateAfter is how long after a quarter hour's end its clicks are late: from
	// then on they are named to whoever counts.
	lateAfter = time.Minute
	// rollAfter is how long after its end a quarter hour is counted. Between the
	// two a click has time to be stored: writers give up within seconds.
	rollAfter = 10 * time.Minute
	// rollClicks is how many clicks wait before it is worth it to count them when the
	// day is not over. Reports count them one by one: it takes milliseconds.
	rollClicks = 24_000
	// valueClicks is how many clicks the values of a day are counted of at a time. Where
	// all of them are different, they take some 200 MB meanwhile; a day of more clicks has
	// more than one row for some of the same.
	valueClicks = 1_000_000
)

// quarterHours gathers the quarter hours that clicks were made in.
type quarterHours struct {
	numbers map[int64]struct{} // since the epoch
	last    int64              // the one that was added last: mostly the next one too
}

const quarterSeconds = int64(quarterHour / time.Second)

func (h *quarterHours) add(at time.Time) {
	n := at.Unix() / quarterSeconds
	if n == h.last {
		return
	}
	if h.numbers == nil {
		h.numbers = make(map[int64]struct{})
	}
	h.numbers[n], h.last = struct{}{}, n
}

// all are their beginnings, in order.
func (h *quarterHours) all() []time.Time {
	list := make([]time.Time, 0, len(h.numbers))
	for _, n := range slices.Sorted(maps.Keys(h.numbers)) {
		list = append(list, time.Unix(n*quarterSeconds, 0).UTC())
	}
	return list
}

// over are the beginnings of those whose clicks are late by now.
func (h *quarterHours) over(now time.Time) []time.Time {
	return slices.DeleteFunc(h.all(), func(at time.Time) bool { return at.Add(quarterHour + lateAfter).After(now) })
}

// queueLate names quarter hours that clicks are stored for in the same
// transaction, after they may have been counted. Marks are only ever added here,
// so that nobody waits for anybody.
func queueLate(q *pgx.Batch, quarters []time.Time) {
	if len(quarters) > 0 {
		q.Queue(`INSERT INTO late_clicks (starts) SELECT unnest($1::timestamptz[])`, quarters)
	}
}
