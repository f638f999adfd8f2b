package jobs

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/proofback/proofback"
)

func TestAFewDeliveriesAreCarriedOutWithoutAJobEach(t *testing.T) {
	t.Parallel()
	f := setup(t)
	rec := receive(t, ok)
	f.destination(t, rec.URL)
	ids := f.approve(t, 5, nil)
	f.start(t)
	f.await(t, proofback.DeliveryDelivered, ids...)
	f.eventually(t, "the change's job is done", `SELECT count(*) FROM river_job WHERE kind = 'fan_out' AND state = 'completed'`, 1)
	f.eventually(t, "there was no other", `SELECT count(*) FROM river_job WHERE kind = 'deliver'`, 0)
}

// What has no place becomes jobs while the rest is in flight, and exactly the rest
// is what a successor would do again.
func TestWhatWaitsIsHandedOverWithoutWaitingForWhatIsInFlight(t *testing.T) {
	t.Parallel()
	f := setup(t, func(c *Config) { c.PerDestination = 1 })
	release := make(chan struct{})
	rec := receive(t, func(int, http.ResponseWriter, *http.Request) { <-release })
	f.destination(t, rec.URL)
	ids := f.approve(t, 4, nil)
	f.start(t)
	f.eventually(t, "three wait as jobs", `
		SELECT count(DISTINCT args->>'delivery')
		FROM river_job
		WHERE kind = 'deliver'`, 3)
	var raw []byte
	if err := f.store.Pool().QueryRow(t.Context(), `SELECT args FROM river_job WHERE kind = 'fan_out' AND state = 'running'`).Scan(&raw); err != nil {
		t.Fatal(err)
	}
	var left fanOutArgs
	if err := json.Unmarshal(raw, &left); err != nil || len(left.IDs) != 1 {
		t.Errorf("%d stay with the change's job, %v", len(left.IDs), err)
	}
	if keys, err := left.keys(); err != nil || len(keys) != 1 {
		t.Errorf("%v stay, %v", keys, err)
	}
	f.eventually(t, "the one that stays has no job", `SELECT count(*) FROM river_job WHERE kind = 'deliver' AND args->>'delivery' = $1`, 0, left.IDs[0].String())
	close(release)
	f.await(t, proofback.DeliveryDelivered, ids...)
	if n := len(rec.got()); n != 4 {
		t.Errorf("%d requests", n)
	}
}
