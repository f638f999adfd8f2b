package ingest

import (
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/proofback/proofback"
)

func TestAUserAgentIsRememberedAndNeverTakenForAnother(t *testing.T) {
	t.Parallel()
	known := newKnownAgents()
	last := 0
	for i := range 100_000 { // far more than there are places
		text := "agent " + strconv.Itoa(i)
		what := agent{device: proofback.DeviceMobile, bot: i%2 == 0}
		hash := known.hash(text)
		if _, ok := known.get(hash, text); ok {
			t.Fatalf("%q is known before anybody told it", text)
		}
		known.add(hash, text, what)
		if got, ok := known.get(hash, text); ok && got != what {
			t.Fatalf("%q is known as %v", text, got)
		} else if ok {
			last++
		}
		if _, ok := known.get(hash, text+"!"); ok {
			t.Fatalf("%q was taken for another of the same hash", text+"!")
		}
	}
	if last != 100_000 {
		t.Errorf("%d of those told a moment ago are known", last)
	}
}

func TestAUserAgentTakesOnePlace(t *testing.T) {
	t.Parallel()
	known := newKnownAgents()
	hash := known.hash("browser")
	for range 8 {
		known.add(hash, "browser", agent{})
	}
	places, taken := known.of(hash), 0
	for i := range places {
		if places[i].Load() != nil {
			taken++
		}
	}
	if taken != 1 {
		t.Errorf("it takes %d places", taken)
	}
}

// A header may be 64 KB long, of which 1,000 bytes are a user agent.
func TestAUserAgentIsKeptWithoutTheHeaderThatItWasCutFrom(t *testing.T) {
	t.Parallel()
	known := newKnownAgents()
	header := strings.Repeat("x", 64<<10)
	userAgent := proofback.CutText(header, proofback.MaxUserAgent)
	hash := known.hash(userAgent)
	known.add(hash, userAgent, agent{})
	if kept := known.of(hash)[0].Load().userAgent; unsafe.StringData(kept) == unsafe.StringData(header) {
		t.Error("all of the header is kept")
	}
}
