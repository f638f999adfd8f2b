package proofback

import (
	"fmt"
	"strings"
)

// Nearly all checks that pass say one of a few sentences, so the log keeps which one it
// is, and what stands at its places. Any other sentence is kept as it is.

// phrases are the sentences of checks that pass, by their numbers in the log; %s is a place.
// The log goes by the numbers for as long as it is kept, so none may ever change: a sentence
// that changes, and a new one, gets a line at the end, and a migration that says the same
// (table check_phrases).
var phrases = [...]struct{ check, sentence string }{
	1:  {"security", "the advertiser asks for no proof but an allowed address"},
	2:  {"security", "proved by %s"},
	3:  {"request", "every parameter could be read, none is a macro that was not filled in"},
	4:  {"click_id", "it is whole and ours"},
	5:  {"values", "amounts, currency, status and timestamp are in order"},
	6:  {"click", "made at %s"},
	7:  {"event", `goal "%s"`},
	8:  {"same_event", "the event is new"},
	9:  {"same_event", "conversion %s is this event"},
	10: {"transition", "from %s to %s"},
	11: {"once_per_click", "it is the click's first"},
	12: {"price", "payout and revenue follow from the terms of version %s"},
	13: {"offer", "the click was sent to the offer"},
	14: {"window", "%s after the click, within %s"},
	15: {"window", "it came before its click, by the clock of the process that took it: that clock is behind, or was set back since"},
	16: {"minimum", "the amount reaches %s"},
	17: {"prerequisite", "the click has its %s"},
	18: {"caps", "within every cap of the offer"},
	19: {"caps", "a test counts for no cap"},
	20: {"period", "%s is closed, so it is booked in %s, on the %s, as an adjustment"},
}

// phraseTexts are the texts around the places of each phrase.
var phraseTexts = func() (texts [len(phrases)][]string) {
	for n := range phrases {
		texts[n] = strings.Split(phrases[n].sentence, "%s")
	}
	return texts
}()

// phraseOf finds the number of what a check said, looking at the one after a number first,
// since they come in about this order; 0 is none. What stands at its places is appended
// to places.
func phraseOf(c *Check, after int, places []string) (int, []string) {
	n := after
	for range len(phrases) - 1 {
		if n++; n == len(phrases) {
			n = 1
		}
		if phrases[n].check != c.Name {
			continue
		}
		if said, ok := placesIn(phraseTexts[n], c.Detail, places); ok {
			return n, said
		}
	}
	return 0, places
}

// placesIn appends what stands between the texts that a sentence is made of, if it is.
func placesIn(texts []string, sentence string, places []string) ([]string, bool) {
	last := len(texts) - 1
	if last == 0 {
		return places, sentence == texts[0]
	}
	rest, ok := strings.CutPrefix(sentence, texts[0])
	for _, text := range texts[1:last] {
		place, after, found := strings.Cut(rest, text)
		places, rest, ok = append(places, place), after, ok && found
	}
	place, ends := strings.CutSuffix(rest, texts[last])
	return append(places, place), ok && ends
}

// sayPhrase is the check that a number and its places stand for.
func sayPhrase(n int, places []string) (Check, error) {
	switch {
	case n <= 0:
		return Check{}, fmt.Errorf("%d is no sentence's number", n)
	case n >= len(phrases):
		// While processes are replaced, those of an older version read what newer ones write.
		return Check{Name: "unknown", Passed: true, Detail: fmt.Sprintf("sentence %d of a newer version %q", n, places)}, nil
	case len(places) != len(phraseTexts[n])-1:
		return Check{}, fmt.Errorf("sentence %d has %d places, and not %d", n, len(phraseTexts[n])-1, len(places))
	}
	var said strings.Builder
	for i, text := range phraseTexts[n] {
		said.WriteString(text)
		if i < len(places) {
			said.WriteString(places[i])
		}
	}
	return Check{Name: phrases[n].check, Passed: true, Detail: said.String()}, nil
}
