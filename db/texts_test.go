package db

import (
	"strconv"
	"testing"
)

func TestTextsAreKnownOnceTheyAreStored(t *testing.T) {
	t.Parallel()
	var known knownTexts
	const agents = 5000 // as many as most networks see
	for i := range agents {
		id := textID("browser " + strconv.Itoa(i))
		if known.has(id) {
			t.Fatalf("browser %d is known before it was stored", i)
		}
		known.add(id)
		known.add(id)
		if !known.has(id) {
			t.Fatalf("browser %d is not known", i)
		}
	}
	kept := 0
	for i := range agents {
		if known.has(textID("browser " + strconv.Itoa(i))) {
			kept++
		}
	}
	if kept < agents*99/100 {
		t.Errorf("of %d texts %d are remembered", agents, kept)
	}
}

func TestTheLastTextIsKnownHoweverManyThereWere(t *testing.T) {
	t.Parallel()
	var known knownTexts
	for i := range 200_000 {
		id := textID(strconv.Itoa(i))
		known.add(id)
		if !known.has(id) {
			t.Fatalf("text %d is not known", i)
		}
	}
}

func TestATextsNameIsItsContents(t *testing.T) {
	t.Parallel()
	long := make([]byte, maxClickText)
	for _, s := range []string{"a", "b", string(long), string(long[1:])} {
		if textID(s) == 0 || textID(s) != textID(string([]byte(s))) {
			t.Errorf("%d bytes are named %d", len(s), textID(s))
		}
	}
	if textID("") != 0 || textID("a") == textID("b") || textID(string(long)) == textID(string(long[1:])) {
		t.Error("different texts share a name")
	}
	// The name is stored: it may never change.
	if got := textID("Mozilla/5.0"); got != 1181830423286323340 {
		t.Errorf("Mozilla/5.0 is named %d", got)
	}
}
