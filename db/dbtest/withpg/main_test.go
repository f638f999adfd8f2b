package main

import (
	"testing"

	"github.com/proofback/proofback/db/dbtest/internal/shared"
)

func TestTheCommandGetsTheURLAndItsExitCodeIsOurs(t *testing.T) {
	t.Setenv(shared.URLVariable, "postgres://given/db")
	for script, want := range map[string]int{
		`test "$PROOFBACK_TEST_DATABASE_URL" = postgres://given/db`: 0,
		`exit 3`:        3,
		`kill -9 $$`:    1,
		`exec /nowhere`: 127,
	} {
		got, err := run(t.Context(), []string{"sh", "-c", script})
		if err != nil || got != want {
			t.Errorf("%s: got %d, %v, want %d", script, got, err, want)
		}
	}
}
