package main_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"github.com/proofback/proofback"
)

// promises are what clients have been told, and the load that they made.
type promises struct {
	t     *testing.T
	keys  *proofback.ClickKeys
	marks []string // of this load's clicks and sales
	base  atomic.Pointer[string]
	limit *rate.Limiter
	stop  context.CancelFunc
	done  sync.WaitGroup
	began time.Time

	mu      sync.Mutex
	sent    int              // clicks
	refused int              // clicks that got a 503
	broken  int              // requests that got no answer
	clicks  []uuid.UUID      // that visitors were sent on with
	heard   time.Time        // when one was
	silence time.Duration    // the longest between two
	sales   map[string]*sale // by transaction id

	told, deferred, refusedSales int // answers to postbacks: 2xx, of them 202, and 503

	audited verdict
}

// sale is what its sender has been told.
type sale struct {
	query    string
	promised []promise
}

// promise is a 2xx answer to a postback.
type promise struct {
	RequestID    string `json:"request_id"`
	Result       string `json:"result"`
	Reason       string `json:"reason"`
	ConversionID string `json:"conversion_id"`
}

const visitorsAtOnce = 32

// load clicks and reports sales until the test ends, whether anybody answers or not.
func load(t *testing.T, hard hardness, keys *proofback.ClickKeys, base string) *promises {
	t.Helper()
	l := &promises{t: t, keys: keys, marks: []string{rand.Text()}, sales: map[string]*sale{}, began: time.Now(), heard: time.Now()}
	l.limit = rate.NewLimiter(rate.Limit(hard.perSecond), visitorsAtOnce)
	l.turnTo(base)
	ctx, cancel := context.WithCancel(t.Context())
	l.stop = cancel
	for visitor := range visitorsAtOnce {
		l.done.Go(func() {
			v := &visit{promises: l, name: fmt.Sprintf("%s-%d", l.marks[0], visitor)}
			for ctx.Err() == nil {
				v.connect(ctx)
			}
		})
	}
	t.Cleanup(l.end)
	return l
}

// turnTo has everybody go to where a program serves.
func (l *promises) turnTo(base string) { l.base.Store(&base) }

// end ends the load.
func (l *promises) end() {
	l.stop()
	l.done.Wait()
}

func (l *promises) count(do func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	do()
}

// visit is one visitor after the other, and the shop that they buy at.
type visit struct {
	*promises
	name string
	n    int       // clicks so far
	last uuid.UUID // the last one's
}

// connect uses one connection for as long as it holds.
func (v *visit) connect(ctx context.Context) {
	if v.limit.Wait(ctx) != nil {
		return
	}
	c, err := dial(ctx, *v.base.Load())
	if err != nil {
		return // it is being started again
	}
	defer c.Close()
	hangUp := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Now().Add(patience)) })
	defer hangUp()
	for v.limit.Wait(ctx) == nil && v.click(c) == nil {
	}
}

// click follows the link, and reports a sale now and then, and some of them twice.
func (v *visit) click(c *connection) error {
	v.n++
	v.count(func() { v.sent++ })
	a, err := c.get("/c/demo?sub1=" + v.marks[0])
	if err != nil {
		v.count(func() { v.broken++ })
		return err
	}
	if a.status != 302 {
		v.refuse(a, &v.refused)
		return nil
	}
	id, state := v.keys.Parse(a.clickID())
	if state != proofback.ClickIDWhole {
		v.t.Errorf("%q is not a click id", a.location)
		return nil
	}
	if bytes.Compare(id[:], v.last[:]) <= 0 {
		v.t.Errorf("click %s was made after %s, and sorts before it", id, v.last)
	}
	v.last = id
	v.count(func() {
		v.clicks = append(v.clicks, id)
		v.silence, v.heard = max(v.silence, time.Since(v.heard)), time.Now()
	})
	if v.n%10 > 0 {
		return nil
	}
	txid := fmt.Sprintf("%s-%d", v.name, v.n)
	q := url.Values{"click_id": {a.clickID()}, "txid": {txid}, "event_type": {"sale"}, "amount": {"10"}, "currency": {"EUR"}}
	v.count(func() { v.sales[txid] = &sale{query: "/postback?" + q.Encode()} })
	for range 1 + v.n/10%2 {
		if err := v.report(c, txid); err != nil {
			return err
		}
	}
	return nil
}

// refuse takes note of an answer that is no promise: 503, and nothing else.
func (l *promises) refuse(a answer, counted *int) {
	if a.status != 503 {
		l.t.Errorf("got %d %s", a.status, a.body)
	}
	l.count(func() { *counted++ })
}

// report tells of a sale once.
func (l *promises) report(c *connection, txid string) error {
	var query string
	l.count(func() { query = l.sales[txid].query })
	a, err := c.get(query)
	if err != nil {
		l.count(func() { l.broken++ })
		return err
	}
	if a.status != 200 && a.status != 202 {
		l.refuse(a, &l.refusedSales)
		return nil
	}
	var p promise
	if err := json.Unmarshal([]byte(a.body), &p); err != nil || p.Result == "rejected" {
		l.t.Errorf("a sale got %d %s", a.status, a.body)
	}
	l.count(func() {
		l.told++
		if a.status == 202 {
			l.deferred++
		}
		l.sales[txid].promised = append(l.sales[txid].promised, p)
	})
	return nil
}

// settle tells of the sales again that nobody has taken yet, as their senders do,
// until all are.
func (l *promises) settle() {
	l.t.Helper()
	l.end()
	left := l.open()
	for len(left) > 0 {
		before := len(left)
		eventually(l.t, "more sales are taken", func() bool {
			l.reportAll(left)
			left = l.open()
			return len(left) < before
		})
	}
}

// open are the sales that nobody has taken yet.
func (l *promises) open() (txids []string) {
	l.count(func() {
		for txid, s := range l.sales {
			if len(s.promised) == 0 {
				txids = append(txids, txid)
			}
		}
	})
	return txids
}

// reportAll tells of sales once, as far as connections hold.
func (l *promises) reportAll(txids []string) {
	todo := make(chan string, len(txids))
	for _, txid := range txids {
		todo <- txid
	}
	close(todo)
	var all sync.WaitGroup
	for range min(visitorsAtOnce, len(txids)) {
		all.Go(func() {
			c, err := dial(l.t.Context(), *l.base.Load())
			if err != nil {
				return
			}
			defer c.Close()
			for txid := range todo {
				if l.report(c, txid) != nil {
					return
				}
			}
		})
	}
	all.Wait()
}

// more waits until n more clicks have been promised.
func (l *promises) more(n int) {
	l.t.Helper()
	promised := func() (n int) {
		l.count(func() { n = len(l.clicks) })
		return n
	}
	want := promised() + n
	eventually(l.t, fmt.Sprintf("%d more clicks are answered", n), func() bool { return promised() >= want })
}

// outage waits for as long as Postgres is to be away, and for clicks to be answered
// all the same.
func (l *promises) outage(hard hardness) {
	l.t.Helper()
	timer := time.NewTimer(hard.outage)
	defer timer.Stop()
	l.more(hard.during)
	<-timer.C
}

// take takes over what another load was promised.
func (l *promises) take(other *promises) {
	l.marks = append(l.marks, other.marks...)
	l.sent, l.refused, l.broken = l.sent+other.sent, l.refused+other.refused, l.broken+other.broken
	l.told, l.deferred, l.refusedSales = l.told+other.told, l.deferred+other.deferred, l.refusedSales+other.refusedSales
	l.clicks = append(l.clicks, other.clicks...)
	l.silence = max(l.silence, other.silence)
	maps.Copy(l.sales, other.sales)
}
