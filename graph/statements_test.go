package graph_test

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// counter counts what is sent to Postgres.
type counter struct{ atomic.Int64 }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.Add(1)
	return ctx
}

func (*counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// A relation that is not gathered costs a transaction of three statements for
// each of fifty rows, always. One that is may cost a few more on a slow machine,
// since loaders wait for each other only so long; the least of some tries counts.
func TestAPageOfFiftyRowsCostsWhatOneDoes(t *testing.T) {
	t.Parallel()
	sent := &counter{}
	l := newLoop(t, func(c *db.Config) { c.Tracer = sent })
	one := l.click(l.rival)
	l.sale(one, "first")
	many := ""
	for i := range 50 {
		many = l.click(l.blog)
		l.sale(many, fmt.Sprint(i))
	}
	for i := range 40 {
		l.sale(many, fmt.Sprint("more", i))
	}
	for _, tt := range []struct {
		operation string
		one, many vars
	}{
		{"Clicks", vars{"filter": vars{"affiliateId": l.rival}}, vars{"first": 50, "filter": vars{"affiliateId": l.blog}}},
		{"Conversions", vars{"filter": vars{"affiliateId": l.rival}}, vars{"first": 50, "filter": vars{"affiliateId": l.blog}}},
		{"Postbacks", vars{"first": 1}, vars{"first": 50}},
		{"Deliveries", vars{"first": 1}, vars{"first": 50}},
		{"Trace", vars{"by": vars{"clickId": one}}, vars{"by": vars{"clickId": many}}},
	} {
		for _, actor := range []proofback.Actor{manager, l.asShop} {
			cost := func(v vars) int64 {
				least := int64(math.MaxInt64)
				for range 3 {
					before := sent.Load()
					l.must(actor, tt.operation, v)
					least = min(least, sent.Load()-before)
				}
				return least
			}
			if a, b := cost(tt.one), cost(tt.many); b-a > 75 {
				t.Errorf("%s as %s: %d statements for one row, %d for fifty", tt.operation, actor.Role, a, b)
			}
		}
	}
}
