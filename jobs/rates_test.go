package jobs

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/riverqueue/river"
)

const ratesFeed = `<Envelope><Cube><Cube time="2026-03-02"><Cube currency="USD" rate="1.25"/></Cube></Cube></Envelope>`

func TestRatesComeFromHTTPAndFilesAndADeadFeedChangesNothing(t *testing.T) {
	t.Parallel()
	f := setup(t)
	answers := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/dead" {
			w.WriteHeader(http.StatusBadGateway)
		}
		_, _ = w.Write([]byte(ratesFeed))
	}))
	t.Cleanup(answers.Close)
	file := filepath.Join(t.TempDir(), "rates.xml")
	if err := os.WriteFile(file, []byte(ratesFeed), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		url    string
		fails  bool
		stored int
	}{
		{"", false, 0},
		{answers.URL + "/dead", true, 0},
		{"file://" + file + ".none", true, 0},
		{"ftp://127.0.0.1/", true, 0},
		{answers.URL + "/", false, 1},
		{"file://" + file, false, 1},
	} {
		w := &ratesWorker{store: f.store, setup: f.config.Setup, url: step.url, log: slog.New(slog.DiscardHandler)}
		if err := w.Work(t.Context(), &river.Job[fetchRatesArgs]{}); (err != nil) != step.fails {
			t.Errorf("%q: %v", step.url, err)
		}
		var n int
		if err := f.store.Pool().QueryRow(t.Context(), `SELECT count(*) FROM rates`).Scan(&n); err != nil || n != step.stored {
			t.Errorf("%q: %d rates, %v, want %d", step.url, n, err, step.stored)
		}
	}
}

// Feeds that are paid for want a key in their URL.
func TestAFeedThatCannotBeReachedDoesNotPutItsKeyIntoTheLog(t *testing.T) {
	t.Parallel()
	f := setup(t)
	nobody := httptest.NewServer(http.NotFoundHandler())
	nobody.Close()
	address := strings.Replace(nobody.URL, "http://", "http://kim:geheim@", 1) + "/latest.xml?apikey=geheim"
	for address, why := range map[string]string{address: "connection refused", "http://rates example/?apikey=geheim": "invalid character"} {
		var log bytes.Buffer
		w := &ratesWorker{store: f.store, setup: f.config.Setup, url: address, log: slog.New(slog.NewTextHandler(&log, nil))}
		if err := w.Work(t.Context(), &river.Job[fetchRatesArgs]{}); err == nil {
			t.Error("there are rates")
		}
		if said := log.String(); strings.Contains(said, "geheim") || !strings.Contains(said, why) {
			t.Errorf("the log says: %s", said)
		}
	}
}
