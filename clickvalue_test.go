package proofback

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestCleanClickValueKeepsWhatCanBeKept(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in, want string
		flags    ClickFlags
	}{
		{"", "", 0},
		{"spring sale/ü 😀", "spring sale/ü 😀", 0},
		{"a\x00b\r\nc\u0085d\x7f", "abcd", FlagValueCleaned},
		{"a\xffb\xc3", "ab", FlagValueCleaned},
		{"sent as \uFFFD", "sent as \uFFFD", 0},
		{"\n\t\x1b", "", FlagValueCleaned},
		{strings.Repeat("x", 500), strings.Repeat("x", 500), 0},
		{strings.Repeat("x", 501), strings.Repeat("x", 500), FlagValueCut},
		{strings.Repeat("x", 499) + "ü", strings.Repeat("x", 499), FlagValueCut},
		{strings.Repeat("\n", 600) + "x", "x", FlagValueCleaned},
		{"\n" + strings.Repeat("😀", 200), strings.Repeat("😀", 125), FlagValueCleaned | FlagValueCut},
	} {
		if got, flags := CleanClickValue(c.in); got != c.want || flags != c.flags {
			t.Errorf("%.60q: got %.60q, %v, want %.60q, %v", c.in, got, flags.Names(), c.want, c.flags.Names())
		}
	}
}

func TestCleanClickValueIsAlwaysFitToBeStored(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		given := string(rapid.SliceOfN(rapid.Byte(), 0, 1200).Draw(t, "bytes"))
		got, flags := CleanClickValue(given)
		if len(got) > MaxClickValue || !utf8.ValidString(got) || strings.ContainsFunc(got, unicode.IsControl) {
			t.Fatalf("%q", got)
		}
		if (flags == 0) != (got == given) {
			t.Fatalf("%q became %q, flags %v", given, got, flags.Names())
		}
		if again, flags := CleanClickValue(got); again != got || flags != 0 {
			t.Fatalf("cleaned twice, %q becomes %q", got, again)
		}
	})
}
