package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proofback/proofback/db/dbtest"
)

func TestRatesAreImportedFromAFile(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	file := filepath.Join(t.TempDir(), "rates.csv")
	if err := os.WriteFile(file, []byte("currency,date,per_euro\nVND,2020-03-01,26000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1 of 1 rates were new", "0 of 1 rates were new"} {
		code, out, stderr := runToEnd(t, []string{"rates", "import", file}, "DATABASE_URL="+url)
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("%d %q %q, want %q", code, out, stderr, want)
		}
	}
	code, _, stderr := runToEnd(t, []string{"rates", "import", file + ".gone"}, "DATABASE_URL="+url)
	if code != 1 || !strings.Contains(stderr, "rates.csv.gone") {
		t.Errorf("%d %q", code, stderr)
	}
}
