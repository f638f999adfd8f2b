package main_test

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// terminate asks the program to end, as whoever replaces it does.
func (p *process) terminate() { _ = p.cmd.Process.Signal(syscall.SIGTERM) }

// wantEnded waits until the program has ended in order.
func (p *process) wantEnded() {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatalf("it does not end\n%s", p.said.String())
	}
	if p.err != nil {
		p.t.Errorf("it ended with %v\n%s", p.err, p.said.String())
	}
}

func TestATerminatedProgramServesUntilBalancersHaveNoticed(t *testing.T) {
	t.Parallel()
	p, databaseURL := startOnNewDatabase(t, "PROOFBACK_STOP_DELAY=5s")
	p.terminate()
	eventually(t, "it says that it is leaving", func() bool {
		status, body := p.get("/readyz")
		return status == http.StatusServiceUnavailable && strings.Contains(body, "shutting down")
	})
	resp, err := noRedirects.Get(p.url + "/c/demo?sub1=late")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusFound || !resp.Close {
		t.Errorf("got %s, and the connection is kept", resp.Status)
	}
	p.wantEnded()
	if n := queryInt(t, databaseURL, `SELECT count(*) FROM clicks WHERE sub1 = 'late'`); n != 1 {
		t.Errorf("%d clicks are stored", n)
	}
}

func TestWhoPressesCtrlCDoesNotWaitForBalancers(t *testing.T) {
	t.Parallel()
	p, _ := startOnNewDatabase(t, "PROOFBACK_STOP_DELAY=5m")
	p.stop()
}

// Browsers and balancers open connections ahead, on which nothing may ever come.
func TestAConnectionOnWhichNothingCameDoesNotKeepAProgramFromEnding(t *testing.T) {
	t.Parallel()
	p, _ := startOnNewDatabase(t)
	for range 3 {
		c, err := dial(t.Context(), p.url)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	p.clickOnce() // so that those before have been accepted
	p.stop()
}
