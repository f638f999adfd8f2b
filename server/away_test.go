package main_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proofback/proofback/db/dbtest"
)

// wantAnswer wants a status, and a part in the body.
func (p *process) wantAnswer(path string, status int, part string) {
	p.t.Helper()
	if got, body := p.get(path); got != status || !strings.Contains(body, part) {
		p.t.Errorf("%s got %d %s, want %d %s", path, got, body, status, part)
	}
}

// retryAfter gives the header that goes with a 503.
func (p *process) retryAfter(path string) string {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.url+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := noRedirects.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable {
		p.t.Errorf("%s got %d", path, resp.StatusCode)
	}
	return resp.Header.Get("Retry-After")
}

func (p *process) eventuallyReady() {
	p.t.Helper()
	eventually(p.t, "it is ready", func() bool {
		status, _ := p.get("/readyz")
		return status == http.StatusOK
	})
}

// With Postgres gone, clicks are taken as before, also by a program that is killed
// and started again in that time; nothing else is, and all is well afterwards.
func TestClicksAreTakenWithoutPostgresAndAfterARestart(t *testing.T) {
	t.Parallel()
	keys, setting := testClickKeys(t)
	url := dbtest.URL(t)
	proxy := dbtest.NewProxy(t, url)
	settings := onDatabase(proxy.URL(), setting, "PROOFBACK_DEMO=true", "PROOFBACK_DATA_DIR="+t.TempDir())
	p := start(t, settings...)
	clicks := []string{p.clickOnce()}
	p.wantAnswer("/readyz", 200, "ready")

	proxy.Cut()
	clicks = append(clicks, p.clickOnce(), p.clickOnce())
	eventually(t, "it says that it is not ready", func() bool {
		status, body := p.get("/readyz")
		return status == 503 && strings.Contains(body, "clicks are kept in the spool")
	})
	p.wantAnswer("/readyz/clicks", 200, "degraded")
	p.wantAnswer("/healthz", 200, "ok")
	p.wantAnswer("/metrics", 200, "proofback_spool_records 2")
	p.wantAnswer("/metrics", 200, "proofback_spool_appended_total 2")
	p.wantAnswer("/metrics", 200, "proofback_postgres_away 1")
	for _, name := range []string{"proofback_spool_bytes", "proofback_spool_oldest_age_seconds"} {
		if value := p.metric(name); value == "" || value == "0" {
			t.Errorf("%s is %q", name, value)
		}
	}
	if again := p.retryAfter("/postback?event_type=sale&txid=1&click_id=" + clicks[0]); again == "" {
		t.Error("nobody says when to send the postback again")
	}
	p.kill()

	p = start(t, settings...)
	clicks = append(clicks, p.clickOnce(), p.clickOnce())
	p.wantAnswer("/readyz", 503, "clicks are kept in the spool")
	p.wantAnswer("/readyz/clicks", 200, "degraded")
	for _, path := range []string{"/c/made-meanwhile", "/postback?event_type=sale&txid=1&click_id=" + clicks[0], "/graphql"} {
		if p.retryAfter(path) == "" {
			t.Errorf("%s: nobody says when to come again", path)
		}
	}
	p.wantAnswer("/metrics", 200, `proofback_http_request_duration_seconds_count{outcome="5xx",route="/postback"} 1`) // as an alert asks for
	p.wantAnswer("/pixel.gif?click_id="+clicks[0], 200, "GIF")

	proxy.Mend()
	p.eventuallyReady()
	eventually(t, "the spool is drained", func() bool {
		_, body := p.get("/metrics")
		return strings.Contains(body, "proofback_spool_records 0") && strings.Contains(body, "proofback_spool_drained_total 4")
	})
	clicks = append(clicks, p.clickOnce())
	wantStored(t, url, keys, clicks)
	p.wantAnswer("/postback?event_type=sale&txid=1&amount=10&currency=EUR&click_id="+clicks[3], 200, "ACCEPTED")
	p.wantAnswer("/c/made-meanwhile", 404, "")
	p.stop()
}

// A process that has lost Postgres takes a click; another, which has not, gets the
// postback about it.
func TestAPostbackWaitsForAClickInAnotherProcessesSpool(t *testing.T) {
	t.Parallel()
	_, setting := testClickKeys(t)
	url := dbtest.URL(t)
	proxy := dbtest.NewProxy(t, url)
	a := start(t, onDatabase(proxy.URL(), setting, "PROOFBACK_DEMO=true")...)
	b := start(t, onDatabase(url, setting, "PROOFBACK_DEMO=true")...)
	eventually(t, "a tells what its spool keeps", func() bool { return queryInt(t, url, `SELECT count(*) FROM spools`) == 2 })
	proxy.Cut()
	click := a.clickOnce()
	sale := "/postback?event_type=sale&txid=spooled&amount=10&currency=EUR&click_id=" + click
	b.wantAnswer(sale, 202, "CLICK_NOT_YET_STORED")
	proxy.Mend()
	eventually(t, "the postback is decided", func() bool {
		return queryInt(t, url, `SELECT count(*) FROM conversions WHERE txid = 'spooled'`) == 1
	})
	b.wantAnswer(sale, 200, "DUPLICATE")
	a.stop()
	b.stop()
}

// What was kept of one network is never used for another.
func TestAKeptSetupDoesNotGetIntoAnotherNetwork(t *testing.T) {
	t.Parallel()
	dir := "PROOFBACK_DATA_DIR=" + t.TempDir()
	start(t, onDatabase(dbtest.URL(t), "PROOFBACK_DEMO=true", dir)...).stop()
	other := dbtest.URL(t)
	proxy := dbtest.NewProxy(t, other)
	proxy.Cut()
	p := start(t, onDatabase(proxy.URL(), dir)...)
	p.clickOnce()
	proxy.Mend()
	eventually(t, "it says that this is another network", func() bool {
		return strings.Contains(p.said.String(), "leads to another network")
	})
	p.wantAnswer("/readyz", 503, "clicks are kept in the spool")
	p.stop()
	if n := queryInt(t, other, `SELECT count(*) FROM clicks`); n != 0 {
		t.Errorf("%d clicks got into another network", n)
	}
}

func TestADataFolderThatCannotBeWrittenIsRefused(t *testing.T) {
	t.Parallel()
	wantRefusal(t, nil, onDatabase(dbtest.URL(t), "PROOFBACK_DATA_DIR=/dev/null/data"), "PROOFBACK_DATA_DIR", "/dev/null/data", "PROOFBACK_SPOOL_MB=0")
	// It is found out once the database is open: nothing else may be said on a busy machine.
	wantRefusal(t, nil, onDatabase(dbtest.URL(t), "PROOFBACK_DATA_DIR=/dev/null/data", "PROOFBACK_SPOOL_MB=0", "PROOFBACK_SLOW_QUERY=1m"), "PROOFBACK_DATA_DIR", "/dev/null/data", "ledger")
	p := start(t, onDatabase(dbtest.URL(t), "PROOFBACK_DATA_DIR=/dev/null/data", "PROOFBACK_SPOOL_MB=0", "PROOFBACK_ROLE=api", "PROOFBACK_PUBLIC_URL=http://links.example")...)
	p.eventuallyReady()
	p.stop()
}

// The alert that Postgres is away, and the one that goes by it not being so, ask for one
// metric, whatever the processes of a network do.
func TestAProcessWithoutASpoolTellsThatPostgresIsAway(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	proxy := dbtest.NewProxy(t, url)
	all := start(t, onDatabase(proxy.URL(), "PROOFBACK_SPOOL_MB=0")...)
	api := start(t, onDatabase(proxy.URL(), "PROOFBACK_ROLE=api", "PROOFBACK_PUBLIC_URL=http://links.example")...)
	worker := start(t, onDatabase(proxy.URL(), "PROOFBACK_ROLE=worker")...)
	tell := func(value string) {
		for _, p := range []*process{all, api, worker} {
			eventually(t, "it tells "+value, func() bool { return p.metric("proofback_postgres_away") == value })
		}
	}
	tell("0")
	proxy.Cut()
	tell("1")
	proxy.Mend()
	tell("0")
}

func TestWithoutASpoolNoStartIsPossibleWithoutPostgres(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	url := dbtest.URL(t)
	start(t, onDatabase(url, "PROOFBACK_DATA_DIR="+dir)...).stop()
	proxy := dbtest.NewProxy(t, url)
	proxy.Cut()
	wantRefusal(t, nil, onDatabase(proxy.URL(), "PROOFBACK_DATA_DIR="+dir, "PROOFBACK_SPOOL_MB=0"), "DATABASE_URL", "expected a Postgres")
	if kept, err := filepath.Glob(filepath.Join(dir, "spool", "*", "*", "*.segment")); err != nil || len(kept) > 0 {
		t.Errorf("%q, %v", kept, err)
	}
}
