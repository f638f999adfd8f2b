package jobs

import (
	"net/http"
	"testing"
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/jobs/outbound/receivertest"
)

func TestAHangingDestinationDelaysNoOther(t *testing.T) {
	t.Parallel()
	f := setup(t, func(c *Config) { c.DeliverWorkers = 20 })
	release := make(chan struct{})
	hanging := receive(t, func(_ int, _ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	f.destination(t, hanging.URL)
	f.approve(t, 300, nil)
	f.exec(t, `UPDATE destinations SET event_type = 'nothing more'`)

	healthy := receive(t, ok)
	f.destination(t, healthy.URL)
	ids := f.approve(t, 50, nil)
	f.start(t)
	f.await(t, proofback.DeliveryDelivered, ids...) // long before the first of the others times out
	if n := len(hanging.got()); n == 0 || n > 5 {
		t.Errorf("%d requests are in flight to the one that hangs", n)
	}
	f.eventually(t, "none of the others has ended", `SELECT count(*) FROM attempts`, len(ids))
}

// Each endpoint has few places, and nobody says how many endpoints one may have.
func TestAnAffiliateWithManyHangingEndpointsDelaysNoOther(t *testing.T) {
	t.Parallel()
	f := setup(t, func(c *Config) { c.DeliverWorkers = 20 })
	hanging := receivertest.At(t, receivertest.Hangs)
	for range 12 {
		f.destination(t, hanging)
	}
	f.start(t)
	for range 5 {
		f.approve(t, 1, nil)
	}
	f.eventually(t, "some are on their way", `SELECT (count(*) > 0)::integer FROM river_job WHERE kind = 'fan_out' AND state = 'running' AND attempted_at < now() - interval '1 s'`, 1)

	other := *f
	other.affiliate = newID(t)
	f.exec(t, `INSERT INTO affiliates (id, name, status, currency, created_at) VALUES ($1, 'Forum', 'ACTIVE', 'EUR', now())`, other.affiliate)
	healthy := receive(t, ok)
	other.destination(t, healthy.URL)
	ids := other.approve(t, 5, nil)
	f.await(t, proofback.DeliveryDelivered, ids...) // long before the first of the others times out
	f.eventually(t, "none of the others has ended", `SELECT count(*) FROM attempts`, len(ids))
}

// An advertiser's list may take minutes to be fetched, as often as it says.
func TestAListThatDripsDelaysNobodysComparison(t *testing.T) {
	t.Parallel()
	f := setup(t, func(c *Config) { c.StopTimeout = 50 * time.Millisecond })
	shop, _, err := f.store.CreateAdvertiser(t.Context(), proofback.System(), proofback.Advertiser{Name: "Shop"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.store.SetReconciliationFeed(t.Context(), proofback.System(), &proofback.ReconciliationFeed{
		AdvertiserID: shop.ID, URL: receivertest.At(t, receivertest.DripsABody), Format: proofback.ListCSV, Schedule: "0 3 * * *", Enabled: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	j, err := New(f.store, f.config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.client.Insert(t.Context(), fetchFeedArgs{shop.ID}, nil); err != nil {
		t.Fatal(err)
	}
	f.start(t)
	f.eventually(t, "the list drips", `SELECT count(*) FROM river_job WHERE kind = 'fetch_feed' AND state = 'running'`, 1)
	if _, err := j.client.Insert(t.Context(), reconcileArgs{newID(t)}, nil); err != nil { // of none, which it finds out
		t.Fatal(err)
	}
	f.eventually(t, "a comparison has had its turn", `SELECT count(*) FROM river_job WHERE kind = 'reconcile' AND (state = 'completed' OR errors IS NOT NULL)`, 1)
}
