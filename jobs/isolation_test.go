package jobs

import (
	"net/http"
	"testing"

	"github.com/proofback/proofback"
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
