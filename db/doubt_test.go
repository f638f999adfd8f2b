package db_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// What is taken away right before a batch is committed: whoever sent it is told what
// became of it as far as that can be known, and nothing else.
func TestACommitThatNobodyAnsweredIsLookedFor(t *testing.T) {
	t.Parallel()
	direct := func(t *testing.T, url string) *desk {
		return &desk{network: &network{store: dbtest.Open(t, func(c *db.Config) { c.URL = url })}}
	}
	cases := map[string]struct {
		take   func(p *dbtest.Proxy, stored func())
		txids  []string
		code   proofback.Code
		doubt  bool
		stored int
	}{
		"answer lost": {
			func(p *dbtest.Proxy, stored func()) {
				p.Mute()
				go func() { stored(); p.Cut(); p.Mend() }()
			}, []string{"1"}, "", false, 1,
		},
		"answer to several lost": {
			func(p *dbtest.Proxy, stored func()) {
				p.Mute()
				go func() { stored(); p.Cut(); p.Mend() }()
			}, []string{"1", "2"}, "", false, 2,
		},
		"not heard": {
			func(p *dbtest.Proxy, _ func()) { p.Cut(); p.Mend() },
			[]string{"1"},
			proofback.CodeUnavailable, false, 0,
		},
		"away": {
			func(p *dbtest.Proxy, stored func()) {
				p.Mute()
				go func() { stored(); p.Cut() }()
			}, []string{"1"}, proofback.CodeUnavailable, true, 1,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := dbtest.URL(t)
			proxy := dbtest.NewProxy(t, url)
			seen := direct(t, url)
			var hook atomic.Pointer[func()]
			d := newDesk(t, func(config *db.Config) {
				config.URL = proxy.URL()
				config.Now = func() time.Time {
					if take := hook.Swap(nil); take != nil {
						(*take)()
					}
					return time.Now()
				}
			})
			d.store.SetEnqueuer(nobody{})
			click := d.click(t)
			d.decide(t, sale(click, "before", "10")) // so that all statements are prepared
			d.decide(t, sale(click, "before 1", "10"), sale(click, "before 2", "10"))
			batch := make([]*db.Incoming, len(c.txids))
			for i, txid := range c.txids {
				batch[i] = d.incoming(sale(click, txid, "10"))
			}
			const decided = `SELECT count(*) FROM conversions WHERE txid NOT LIKE 'before%'`
			take := func() {
				c.take(proxy, func() {
					for seen.count(t, decided) == 0 && t.Context().Err() == nil {
					}
				})
			}
			hook.Store(&take)
			log, err := d.store.Decide(t.Context(), d.setup, batch)
			if proofback.CodeOf(err) != c.code || errors.Is(err, db.ErrInDoubt) != c.doubt {
				t.Errorf("got %v", err)
			}
			if err == nil && (len(log) != len(batch) || log[0].ID != batch[0].ID || log[0].Reason != proofback.ReasonAccepted) {
				t.Errorf("told %+v", log)
			}
			if n := seen.count(t, decided); n != c.stored {
				t.Errorf("%d are stored", n)
			}
			proxy.Mend()
		})
	}
}
