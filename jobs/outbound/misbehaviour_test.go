package outbound

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/jobs/outbound/receivertest"
)

func TestMisbehavingReceiversCostBoundedTimeAndHaveTheirClass(t *testing.T) {
	t.Parallel()
	const timeout = 300 * time.Millisecond
	for name, test := range map[string]struct {
		misbehave receivertest.Misbehaviour
		want      proofback.Outcome
		says      string
	}{
		"accepts and hangs":                 {receivertest.Hangs, proofback.OutcomeTimeout, "no answer in time"},
		"drips headers":                     {receivertest.DripsHeaders, proofback.OutcomeTimeout, "headers did not end in time"},
		"drips its body":                    {receivertest.DripsABody, proofback.OutcomeDelivered, "body did not end in time"},
		"sends headers without end":         {receivertest.EndlessHeaders(new(atomic.Int64)), proofback.OutcomeServerError, "headers"},
		"sends interim answers without end": {receivertest.EndlessInterimAnswers, proofback.OutcomeServerError, "headers"},
		"switches to another protocol":      {receivertest.Switches, proofback.OutcomeServerError, "answered 101"},
		"resets":                            {receivertest.Resets, proofback.OutcomeNetworkFailure, "reset"},
		"closes without an answer":          {receivertest.Closes, proofback.OutcomeNetworkFailure, "closed"},
		"breaks off in the headers":         {receivertest.Says(receivertest.HalfAHeader), proofback.OutcomeNetworkFailure, "closed"},
		"breaks off in the body":            {receivertest.Says(receivertest.HalfABody), proofback.OutcomeDelivered, "broke off"},
		"does not speak HTTP":               {receivertest.Says(receivertest.NoHTTP), proofback.OutcomeServerError, "not HTTP"},
		"sends a header that is none":       {receivertest.Says("HTTP/1.1 200 OK\r\n:::\r\n\r\n"), proofback.OutcomeServerError, "not HTTP"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, Config{Allow: loopback, Timeout: timeout})
			start := time.Now()
			res := get(t, c, receivertest.At(t, test.misbehave))
			if res.Outcome != test.want || !strings.Contains(res.Error, test.says) {
				t.Errorf("gives %+v", res)
			}
			if took := time.Since(start); took > 10*timeout {
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestNobodyListeningIsANetworkFailure(t *testing.T) {
	t.Parallel()
	res := get(t, newClient(t, Config{Allow: loopback}), receivertest.Nobody(t))
	if res.Outcome != proofback.OutcomeNetworkFailure || !strings.Contains(res.Error, "refused") {
		t.Errorf("gives %+v", res)
	}
}

func TestCertificatesAreVerified(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	s.StartTLS()
	t.Cleanup(s.Close)
	c := newClient(t, Config{Allow: loopback})
	if res := get(t, c, s.URL); res.Outcome != proofback.OutcomeNetworkFailure || !strings.Contains(res.Error, "unknown authority") {
		t.Errorf("gives %+v", res)
	}
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	if res := get(t, c, strings.Replace(plain, "http:", "https:", 1)); res.Outcome != proofback.OutcomeNetworkFailure || !strings.Contains(res.Error, "TLS") {
		t.Errorf("plain HTTP on https gives %+v", res)
	}
}
