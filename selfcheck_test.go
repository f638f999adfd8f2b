package proofback

import (
	"strings"
	"testing"
)

func TestEverySelfCheckSaysWhatItComparesAndWhatToDo(t *testing.T) {
	t.Parallel()
	said := map[string]SelfCheck{}
	for _, c := range SelfChecks() {
		if len(c.Claim()) < 20 || len(c.Advice()) < 80 || !strings.HasSuffix(c.Advice(), ".") {
			t.Errorf("%s: %q, %q say too little", c, c.Claim(), c.Advice())
		}
		if other, twice := said[c.Advice()]; twice {
			t.Errorf("%s and %s have the same advice", c, other)
		}
		said[c.Advice()] = c
		if got, ok := ParseSelfCheck(strings.ToLower(string(c))); !ok || got != c {
			t.Errorf("%s is read as %s", c, got)
		}
	}
	if _, ok := ParseSelfCheck("nonsense"); ok || len(said) < 9 {
		t.Errorf("%d checks", len(said))
	}
}
