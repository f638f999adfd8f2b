package jobs

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// due gives the tickets of deliveries.
func (f *fixture) due(t *testing.T, ids ...uuid.UUID) []db.DueDelivery {
	t.Helper()
	keys, err := f.store.DeliveryKeys(t.Context(), proofback.System(), ids)
	if err != nil {
		t.Fatal(err)
	}
	due, err := f.store.DueDeliveries(t.Context(), proofback.System(), keys)
	if err != nil {
		t.Fatal(err)
	}
	return due
}

func TestARolledBackChangeTellsNobody(t *testing.T) {
	t.Parallel()
	f := setup(t)
	rec := receive(t, ok)
	f.destination(t, rec.URL)
	if ids := f.approve(t, 3, errUndo); len(ids) != 3 {
		t.Fatalf("%d deliveries", len(ids))
	}
	f.eventually(t, "nothing is kept", `
		SELECT (SELECT count(*) FROM deliveries) + (SELECT count(*) FROM river_job)`, 0)
}

func TestEachDeliveryOfALargeChangeArrivesOnce(t *testing.T) {
	t.Parallel()
	f := setup(t)
	rec := receive(t, ok)
	for i := range 3 {
		f.destination(t, fmt.Sprintf("%s/%d?d={delivery_id}", rec.URL, i))
	}
	ids := f.approve(t, 340, nil)
	f.eventually(t, "one job each thousand", `SELECT count(*) FROM river_job WHERE kind = 'fan_out'`, 2)
	f.eventually(t, "it names the destinations", `SELECT count(*) FROM river_job WHERE args ?& '{to,each}'`, 2)
	f.eventually(t, "no other job", `SELECT count(*) FROM river_job`, 2)
	f.start(t)
	f.await(t, proofback.DeliveryDelivered, ids...)
	arrived := map[string]int{}
	for _, r := range rec.got() {
		arrived[r.uri]++
	}
	for uri, n := range arrived {
		if n != 1 {
			t.Errorf("%s arrived %d times", uri, n)
		}
	}
	if len(arrived) != len(ids) || len(ids) != 1020 {
		t.Errorf("%d of %d arrived", len(arrived), len(ids))
	}
	f.eventually(t, "one attempt each", `SELECT count(*) FROM attempts WHERE number = 1 AND outcome = 'DELIVERED'`, len(ids))
}

func TestAFanOutThatIsDoneTwiceSendsOnce(t *testing.T) {
	t.Parallel()
	f := setup(t)
	rec := receive(t, ok)
	f.destination(t, rec.URL)
	ids := f.approve(t, 5, nil)
	f.exec(t, `INSERT INTO river_job (args, kind, max_attempts, queue, state) SELECT args, kind, max_attempts, queue, state FROM river_job`)
	f.start(t)
	f.await(t, proofback.DeliveryDelivered, ids...)
	f.eventually(t, "all jobs done", `SELECT count(*) FROM river_job WHERE kind IN ('fan_out', 'deliver') AND state <> 'completed'`, 0)
	f.eventually(t, "one attempt each", `SELECT count(*) FROM attempts`, len(ids))
}

// Jobs that were stored before an upgrade have ids alone.
func TestAJobOfAnEarlierVersionIsCarriedOut(t *testing.T) {
	t.Parallel()
	for _, n := range []int{3, maxDirect/2 + 1} { // at once, and as jobs of their own
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			rec := receive(t, ok)
			f.destination(t, rec.URL)
			f.destination(t, rec.URL)
			ids := f.approve(t, n, nil)
			f.exec(t, `UPDATE river_job SET args = args - 'to' - 'each'`)
			f.eventually(t, "the job has ids alone", `SELECT count(*) FROM river_job WHERE args ? 'ids' AND NOT args ?| '{to,each}'`, 1)
			f.start(t)
			f.await(t, proofback.DeliveryDelivered, ids...)
			if got := len(rec.got()); got != 2*n {
				t.Errorf("%d requests, want %d", got, 2*n)
			}
		})
	}
}
