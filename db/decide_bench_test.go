package db_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// BenchmarkDecide is a postback's share of a batch, from its query to its commit,
// on a Postgres that does not sync. One in ten is in another currency than the network's.
func BenchmarkDecide(b *testing.B) {
	for _, size := range []int{1, 32, 128} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			d := newDesk(b)
			d.store.SetEnqueuer(nobody{})
			if _, _, err := d.store.CreateDestination(b.Context(), proofback.System(), proofback.Destination{AffiliateID: d.affiliate, URLTemplate: "https://t.example/"}); err != nil {
				b.Fatal(err)
			}
			d.exec(b, `INSERT INTO rates (currency, day, per_euro, source) SELECT 'USD', current_date + n, 1.1, 'BENCH' FROM generate_series(-60, 1) AS n`)
			clicks := d.clicks(b, (b.N+size-1)/size*size)
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n += size {
				batch := make([]*db.Incoming, size)
				for i := range batch {
					query := sale(clicks[n+i], fmt.Sprint(n+i), "10")
					if (n+i)%10 == 0 {
						query = strings.Replace(query, "EUR", "USD", 1)
					}
					batch[i] = d.incoming(query)
				}
				if _, err := d.store.Decide(b.Context(), d.setup, batch); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			b.ReportMetric(float64(d.count(b, `SELECT round(avg(pg_column_size(p))) FROM postbacks AS p`)), "log-B/op")
		})
	}
}

// clicks stores many and gives their click ids.
func (d *desk) clicks(t testing.TB, n int) []string {
	t.Helper()
	list, ids := make([]proofback.Click, n), make([]string, n)
	at := time.Now().UTC().Add(-time.Hour).Truncate(time.Millisecond)
	for i := range list {
		list[i] = proofback.Click{
			ID: uuid.Must(uuid.NewV7()), At: at, LinkID: newID(t), OfferID: d.offer, AffiliateID: d.affiliate,
			AdvertiserID: d.advertiser, TermsID: d.terms.ID, Device: proofback.DeviceDesktop,
		}
		ids[i] = d.keys.Encode(list[i].ID)
	}
	if err := d.store.InsertClicks(t.Context(), proofback.System(), list); err != nil {
		t.Fatal(err)
	}
	return ids
}
