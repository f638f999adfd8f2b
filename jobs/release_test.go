package jobs

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// What is parked may end without being sent, and then tells nothing of the endpoint: the
// next one must follow at once, not when it is looked for what somebody died over.
func TestAnEndpointThatComesBackIsTriedWithWhatIsSentIndeed(t *testing.T) {
	t.Parallel()
	f := setup(t)
	rec := receive(t, ok)
	destination, _ := f.destination(t, rec.URL+"/?s={status}", allStatuses, func(d *proofback.Destination) { d.LatestOnly = true })
	const conversions = 5
	old := f.approve(t, conversions, nil)
	var latest []uuid.UUID
	for _, id := range old {
		latest = append(latest, f.move(t, f.conversionOf(t, id), proofback.StatusRejected))
	}
	toggle := func(enabled bool) {
		if _, err := f.store.UpdateDestination(t.Context(), f.owner(), destination, func(d *proofback.Destination) { d.Enabled = enabled }); err != nil {
			t.Fatal(err)
		}
	}
	toggle(false)
	f.start(t)
	f.eventually(t, "parked", `SELECT count(*) FROM parked`, 2*conversions)
	// As CancelOlder does with one that is parked.
	f.exec(t, `UPDATE deliveries SET status = 'CANCELLED' WHERE id = $1`, old[0])
	toggle(true)
	f.await(t, proofback.DeliveryDelivered, latest...)
	f.await(t, proofback.DeliveryCancelled, old...)
	f.eventually(t, "nothing is parked", `SELECT count(*) FROM parked`, 0)
	if n := len(rec.got()); n != conversions {
		t.Errorf("%d requests", n)
	}
}

// What a breaker held back has no job that could find out that its endpoint is no more.
func TestWhatIsParkedFailsWhenItsEndpointIsGone(t *testing.T) {
	t.Parallel()
	f := setup(t, quickBreaker)
	var gone atomic.Bool
	rec := receive(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		if gone.Load() {
			w.WriteHeader(http.StatusGone)
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	destination, _ := f.destination(t, rec.URL+"/?t={txid}")
	ids := f.approve(t, 20, nil)
	f.start(t)
	f.eventually(t, "some are parked", `SELECT (count(*) > 5)::integer FROM parked`, 1)
	gone.Store(true)
	f.eventually(t, "stopped", `SELECT count(*) FROM destinations WHERE id = $1 AND health_state = 'STOPPED' AND gone`, 1, destination)
	f.await(t, proofback.DeliveryFailed, ids...)
	f.eventually(t, "nothing is parked", `SELECT count(*) FROM parked`, 0)
}
