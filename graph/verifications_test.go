package graph_test

import (
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// verified adds a run of the checks, and a difference that it found.
func (w *tenants) verified(n *tenant, name string, now time.Time) {
	w.t.Helper()
	run, found := uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
	n.ids[proofback.KindVerification] = proofback.GlobalID(proofback.KindVerification, run)
	n.ids[proofback.KindDiscrepancy] = proofback.GlobalID(proofback.KindDiscrepancy, found)
	_, err := w.store.Pool().Exec(w.t.Context(), `
		WITH run AS (
			INSERT INTO verifications (id, began_at, finished_at, checks) VALUES ($1, $2, $2, '[{"check": "CAPS", "compared": 1, "differences": 1, "took": 1}]')
		)
		INSERT INTO discrepancies (id, check_name, kind, subject, key, what, found_in, found_at, seen_in, seen_at, resolved_at)
		VALUES ($3, 'CAPS', 'Conversion', $4, $5, $5, $1, $2, $1, $2, $2)`, run, now, found, key(w.t, n.ids[proofback.KindConversion]), name)
	if err != nil {
		w.t.Fatal(err)
	}
}
