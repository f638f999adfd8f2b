package db_test

import (
	"testing"

	"github.com/proofback/proofback/db/dbtest"
)

func TestPostgresEndsWhatIsForgotten(t *testing.T) {
	t.Parallel()
	store := dbtest.Open(t)
	for _, fence := range []string{"statement_timeout", "idle_in_transaction_session_timeout"} {
		var value string
		if err := store.Pool().QueryRow(t.Context(), `SHOW `+fence).Scan(&value); err != nil || value != "5min" {
			t.Errorf("%s is %q, %v", fence, value, err)
		}
	}
}
