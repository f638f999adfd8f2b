package outbound

import (
	"testing"

	"go.uber.org/goleak"
)

// Whatever receivers do, no goroutine is left when the tests have ended.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
