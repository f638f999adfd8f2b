package proofback

import (
	"cmp"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// MaxHops is how many requests an audit of redirects makes, MaxAuditTime how long
// they may take together.
const (
	MaxHops      = 15
	MaxAuditTime = 20 * time.Second
)

// RedirectAudit is a walk along an offer's landing URL with a made-up click id,
// to see whether the id reaches the page.
type RedirectAudit struct {
	ID           uuid.UUID // UUIDv7 of At
	OfferID      uuid.UUID
	AdvertiserID uuid.UUID
	TermsID      uuid.UUID // whose landing URL was walked
	At           time.Time
	ByUser       uuid.UUID // uuid.Nil for the weekly one
	Hops         []Hop
}

// Hop is one request of an audit.
type Hop struct {
	URL      string        `json:"url"` // secrets masked
	Form     ClickIDForm   `json:"form"`
	Status   int           `json:"status,omitempty"`   // 0 when there was no answer
	Location string        `json:"location,omitempty"` // where it led, "" at the end; secrets masked
	Duration time.Duration `json:"duration"`
	Error    string        `json:"error,omitempty"`
}

// Verdict is what an audit came to.
type Verdict string

const (
	VerdictSurvived     Verdict = "SURVIVED"      // a page was reached with the id
	VerdictPageFailed   Verdict = "PAGE_FAILED"   // the same, but the page answered 4xx or 5xx
	VerdictCaseChanged  Verdict = "CASE_CHANGED"  // harmless here: click ids are read in any case
	VerdictEncodedTwice Verdict = "ENCODED_TWICE" // it cannot be read as it stands
	VerdictCut          Verdict = "CUT"
	VerdictLost         Verdict = "LOST"
	VerdictBrokenOff    Verdict = "BROKEN_OFF" // no page was reached
)

// Conclusion is a verdict in full.
type Conclusion struct {
	Verdict  Verdict
	Survived bool // a page was reached with an id that can be sent back
	// LostAtHop is the number, from 1, of the hop that did not pass the id on as
	// it had come; 0 when none did that.
	LostAtHop int
	Summary   string // one sentence: what was seen, and how to mend it
}

// Conclude judges the hops of an audit.
func (a *RedirectAudit) Conclude() Conclusion {
	if len(a.Hops) == 0 {
		return Conclusion{Verdict: VerdictBrokenOff, Summary: "no request was made"}
	}
	last := a.Hops[len(a.Hops)-1]
	if !a.carries(last) {
		return a.lost(last.Form)
	}
	n := len(a.Hops)
	switch {
	case last.Error != "" && (last.Status == 0 || last.Location != ""):
		return Conclusion{Verdict: VerdictBrokenOff, Summary: fmt.Sprintf("the way breaks off at hop %d: %s", n, last.Error)}
	case last.Status >= 400:
		return Conclusion{Verdict: VerdictPageFailed, Survived: true, Summary: fmt.Sprintf("the click id arrives, but the page at hop %d answers %d: look whether visitors can open it", n, last.Status)}
	case last.Form == FormCaseChanged:
		return Conclusion{Verdict: VerdictCaseChanged, Survived: true, Summary: fmt.Sprintf("the click id arrives in another case since hop %d: it still counts, but compare it without regard to case", a.changedAt())}
	}
	return Conclusion{Verdict: VerdictSurvived, Survived: true, Summary: fmt.Sprintf("the click id arrives unchanged at hop %d", n)}
}

// carries reports whether a hop has the id in a form that can be used, or in the
// one that the offer's own URL has it in.
func (a *RedirectAudit) carries(h Hop) bool {
	return h.Form.Carries() || h.Form == FormEncodedTwice && a.Hops[0].Form == FormEncodedTwice
}

// lost tells which hop did not pass the id on.
func (a *RedirectAudit) lost(form ClickIDForm) Conclusion {
	at := 0
	for i, h := range a.Hops {
		if a.carries(h) {
			at = i
		}
	}
	c := Conclusion{LostAtHop: at + 1, Verdict: VerdictLost}
	what, mend := "leaves the click id out", "have it copy the whole query of the request to where it leads"
	switch form {
	case FormCut:
		c.Verdict, what = VerdictCut, "cuts the click id short"
		mend = fmt.Sprintf("make room for all of its %d characters", ClickIDLength)
	case FormEncodedTwice:
		c.Verdict, what = VerdictEncodedTwice, "encodes what is encoded already, so that the click id is no parameter any more"
		mend = "have it encode a value once, when it is put into a URL"
	}
	c.Summary = fmt.Sprintf("hop %d (%s) %s: %s", at+1, a.Hops[at].URL, what, mend)
	return c
}

// changedAt is the number of the hop that has the id in another case first.
func (a *RedirectAudit) changedAt() int {
	for i, h := range a.Hops {
		if h.Form == FormCaseChanged {
			return i + 1
		}
	}
	return cmp.Or(len(a.Hops), 1)
}
