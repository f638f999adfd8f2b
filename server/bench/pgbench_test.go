package bench

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/proofback/proofback/server/bench/load"
)

func TestPgbenchsTransactionsCountWhereTheyEndInTheMeasuredTime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, log := range map[string]string{
		"log.7":   "0 1 500 0 1700000000 500\n0 2 700 0 1700000001 200\n0 3 900 0 1700000002 999999\n",
		"log.7.1": "1 1 300 0 1700000000 999999\n1 2 300 0 1700000001 0\n1 3 300 0 1700000003 0\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(log), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all, err := readTransactions(dir)
	if err != nil {
		t.Fatal(err)
	}
	// The first one began at the full second; one of warm-up, then two are measured.
	r := countTransactions(all, load.Job{Warmup: time.Second, Duration: 2 * time.Second})
	if r.Requests() != 6 || r.Measured != 3 || r.PerSecond() != 1.5 || r.Latency.Quantile(0.5) < 690*time.Microsecond || r.Latency.Quantile(0.5) > 720*time.Microsecond {
		t.Errorf("%d in all, %d measured, %v a second, p50 %s", r.Requests(), r.Measured, r.PerSecond(), r.Latency.Quantile(0.5))
	}
}

func TestWhatPgbenchDoesNotLogIsNoTransaction(t *testing.T) {
	t.Parallel()
	for _, log := range []string{"", "0 1 500 0 1700000000\n", "0 1 x 0 1700000000 500\n", "0 1 skipped 0 1700000000 500\n"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "log.7"), []byte(log), 0o600); err != nil {
			t.Fatal(err)
		}
		if all, err := readTransactions(dir); err == nil {
			t.Errorf("%q is read as %v", log, all)
		}
	}
}
