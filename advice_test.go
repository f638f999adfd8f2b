package proofback

import (
	"os"
	"strings"
	"testing"
)

func TestEveryReasonThatIsNoSuccessHasItsAdvice(t *testing.T) {
	t.Parallel()
	wanted := map[Reason]bool{
		ReasonPixelWithoutPostback: true, ReasonClicksNeverConvert: true, ReasonPostbacksStopped: true, ReasonDuplicatesRising: true,
	}
	for reason := range verdicts {
		wanted[reason] = reason != ReasonAccepted && reason != ReasonStatusUpdated
	}
	said := map[string]Reason{}
	for reason, want := range wanted {
		text := Advice(reason)
		if (text != "") != want {
			t.Errorf("%s has the advice %q", reason, text)
			continue
		}
		if want && (len(text) < 80 || !strings.HasSuffix(text, ".")) {
			t.Errorf("%s: %q says too little", reason, text)
		}
		if other, twice := said[text]; twice && want {
			t.Errorf("%s and %s have the same advice", reason, other)
		}
		said[text] = reason
	}
	for reason := range advice {
		if !wanted[reason] {
			t.Errorf("there is advice for %s, which is no reason", reason)
		}
	}
}

// What a developer finds by the reason in the answer is what diagnostics tell.
func TestThePageOnReasonsTellsTheAdvice(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("docs/postbacks.md")
	if err != nil {
		t.Fatal(err)
	}
	for reason := range verdicts {
		if reason == ReasonDuplicate {
			continue // told among what is not wrong
		}
		if !strings.Contains(string(page), Advice(reason)) {
			t.Errorf("%s: docs/postbacks.md does not say %q", reason, Advice(reason))
		}
	}
}
