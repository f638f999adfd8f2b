package db_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// askCounter counts the batches of statements that are asked.
type askCounter struct{ n atomic.Int64 }

func (c *askCounter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}
func (c *askCounter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (c *askCounter) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	c.n.Add(1)
	return ctx
}
func (c *askCounter) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (c *askCounter) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

// Each question that a lone postback waits for is time that its sender waits. What cannot
// be asked at once is asked all the same, and the decision is that of a batch.
func TestALonePostbackAsksAtOnceWhatItCan(t *testing.T) {
	t.Parallel()
	asked := new(askCounter)
	d := newDesk(t, func(c *db.Config) { c.Tracer = asked })
	d.store.SetEnqueuer(nobody{})
	if _, err := d.store.UpdateAdvertiser(t.Context(), proofback.System(), d.advertiser, func(a *proofback.Advertiser) {
		a.ParameterMapping = []proofback.NameMapping{{From: "order", To: "txid"}}
	}); err != nil {
		t.Fatal(err)
	}
	d.exec(t, `INSERT INTO rates (currency, day, per_euro, source) SELECT 'USD', current_date + n, 1.1, 'TEST' FROM generate_series(-3, 0) AS n`)
	if err := d.setup.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	click, once := d.click(t), ""
	stranger := d.keys.Encode(uuid.Must(uuid.NewV7()))
	for _, c := range []struct {
		name, query string
		reason      proofback.Reason
		asks        int64
	}{
		{"a sale", sale(click, "one", "10"), proofback.ReasonAccepted, 1},
		{"the same again", sale(click, "one", "10"), proofback.ReasonDuplicate, 2},
		{"in another currency", strings.Replace(sale(click, "two", "10"), "EUR", "USD", 1), proofback.ReasonAccepted, 1},
		{"without a transaction id", sale(d.click(t), "", "10"), proofback.ReasonAccepted, 1},
		{"the click of others without one", sale(click, "", "10"), proofback.ReasonAccepted, 2},
		{"the same without one", sale(click, "", "10"), proofback.ReasonDuplicate, 2},
		{"an id by a name of its advertiser's", strings.Replace(sale(click, "three", "10"), "txid", "order", 1), proofback.ReasonAccepted, 2},
		{"the same by that name", strings.Replace(sale(click, "three", "10"), "txid", "order", 1), proofback.ReasonDuplicate, 2},
		{"terms that were not read yet", "once", proofback.ReasonAccepted, 3},
		{"a goal that counts once", "once", proofback.ReasonDuplicate, 2},
		{"a click that is not there", sale(stranger, "four", "10"), proofback.ReasonUnknownClick, -1},
		{"no click", "event_type=sale&txid=five", proofback.ReasonMissingClickID, -1},
	} {
		if c.query == "once" {
			if once == "" {
				d.putTerms(t, func(terms *proofback.Terms) { terms.Goals[0].OncePerClick = true })
				once = d.click(t)
			}
			c.query = sale(once, c.name, "10")
		}
		before := asked.n.Load()
		log := d.decide(t, c.query)
		if asks := asked.n.Load() - before; log[0].Reason != c.reason || c.asks >= 0 && asks != c.asks {
			t.Errorf("%s: %s (%s), asked %d times", c.name, log[0].Reason, log[0].Message, asks)
		}
	}
	if n := d.count(t, `SELECT count(*) FROM conversions WHERE rate_date IS NOT NULL AND (coalesce(txid, '') = 'two') = (normal_revenue <> revenue)`); n != 6 {
		t.Errorf("%d conversions are worth what they should", n)
	}
}

// Several that tell the same event at the same moment, each alone, make one conversion.
func TestLonePostbacksThatRaceMakeOneConversion(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.store.SetEnqueuer(nobody{})
	click := d.click(t)
	d.decide(t, sale(d.click(t), "before", "10"))
	reasons := make(chan proofback.Reason)
	const racers = 6
	for range racers {
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			log, err := d.store.Decide(ctx, d.setup, []*db.Incoming{d.incoming(sale(click, "one", "10"))})
			if err != nil {
				t.Error(err)
				reasons <- ""
				return
			}
			reasons <- log[0].Reason
		}()
	}
	got := map[proofback.Reason]int{}
	for range racers {
		got[<-reasons]++
	}
	if got[proofback.ReasonAccepted] != 1 || got[proofback.ReasonDuplicate] != racers-1 {
		t.Error(got)
	}
}
