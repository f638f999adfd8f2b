package proofback

import (
	"testing"

	"github.com/google/uuid"
)

func TestAGlobalIDLeadsBackToItsThing(t *testing.T) {
	t.Parallel()
	id := uuid.Must(uuid.NewV7())
	text := GlobalID(KindOffer, id)
	if k, got, err := ParseGlobalID(text); k != KindOffer || got != id || err != nil {
		t.Fatal(k, got, err)
	}
	if got, err := ParseIDOf(KindOffer, text); got != id || err != nil {
		t.Fatal(got, err)
	}
	if _, err := ParseIDOf(KindClick, text); CodeOf(err) != CodeInvalid {
		t.Errorf("an offer's id is taken for a click's: %v", err)
	}
	if _, err := ParseIDOf(KindClick, "nonsense"); CodeOf(err) != CodeInvalid {
		t.Errorf("nonsense is an id: %v", err)
	}
}

func FuzzParseGlobalID(f *testing.F) {
	f.Add(GlobalID(KindUser, uuid.Max))
	f.Add("T2ZmZXI6MQ")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		k, id, err := ParseGlobalID(s)
		if err == nil && GlobalID(k, id) != s {
			t.Errorf("%q is read as %s %s, which is written %q", s, k, id, GlobalID(k, id))
		}
	})
}
