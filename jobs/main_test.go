package jobs

import (
	"testing"

	"go.uber.org/goleak"
)

// Whatever receivers do, no goroutine is left when the tests have ended, but for
// that of the pool that databases for tests are made on.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/jackc/pgx/v5/pgxpool.(*Pool).backgroundHealthCheck"))
}
