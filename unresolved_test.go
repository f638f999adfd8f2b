package proofback

import (
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

func testLines(tb testing.TB, path string) []string {
	tb.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return strings.Split(strings.TrimRight(string(text), "\n"), "\n")
}

func TestUnresolvedMacrosOfRealTemplatesAreCaught(t *testing.T) {
	t.Parallel()
	for _, value := range testLines(t, "testdata/unresolved-macro-values.txt") {
		once := url.QueryEscape(value)
		for _, sent := range []string{value, " " + value + "\t", once, strings.ToLower(once), url.QueryEscape(once), url.PathEscape(value)} {
			if !UnresolvedMacro(sent) {
				t.Errorf("%q (%q) passes for a value", sent, value)
			}
		}
	}
}

func TestRealIdentifiersAreNoMacros(t *testing.T) {
	t.Parallel()
	for _, value := range append(testLines(t, "testdata/values-that-are-not-macros.txt"),
		"", " ", "{}", "[]", "{{}}", "%%", "#", "$", "{", "}", "***", ":", "__", "____", "_", "()",
		"{550e8400-e29b-41d4-a716-446655440000}", "{d41d8cd9-8f00-b204-e980-0998ecf8427e}", "[12345]", "[A1B2C3D4]",
		"2026-07-21T10:00:00+02:00", "12:30", "19.99", "$19.99", "19.99$", "#1", "#42", ":)", ":-(", "100%25", "5%-10%",
		"*sale*", "~home~", "(promo)", "a|b|c", "__init__", "order[id]", "items[name][0]", `{"a":1}`, `["a","b"]`, "[1,2]",
		"<user@example.com>", "a<b>c", "f(x)", "user@@example", "C#", "x{y}z", "Caf\u00e9 [M\u00fcnchen]", "%D0%9F%D1%80",
	) {
		if UnresolvedMacro(value) {
			t.Errorf("%q is taken for a macro", value)
		}
	}
}

func TestUnresolvedMacrosAmidOtherTextAreCaught(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"abc_{click_id}", "{sub1}-{sub2}", "x-${clickid}-y", "tx[click_id]", "pre%7Bclickid%7D", "{click_id}.{random}",
		"__GAID__", "__IDFA_MD5__", "__OS__", ":sub_id_1", "$offer_id", "*s2*", "[clickid|none]", `{clickid:"none"}`,
		"{{ click.id | default: 'x' }}", "<% clickid %>", "{click id}", "~aff~", "|visitor_id|", "(click_id)",
	} {
		if !UnresolvedMacro(value) {
			t.Errorf("%q passes for a value", value)
		}
	}
}

func TestGeneratedIdentifiersAreNoMacros(t *testing.T) {
	t.Parallel()
	keys := testClickKeys(t)
	rapid.Check(t, func(t *rapid.T) {
		id := anyClick.Draw(t, "id")
		for _, value := range []string{
			keys.Encode(id), strings.ToLower(keys.Encode(id)), id.String(), "{" + id.String() + "}",
			rapid.StringMatching(`[A-Za-z0-9+/=_.-]{1,64}`).Filter(func(s string) bool { return !strings.HasPrefix(s, "__") }).Draw(t, "token"),
		} {
			if UnresolvedMacro(value) {
				t.Fatalf("%q is taken for a macro", value)
			}
		}
	})
}

func FuzzUnresolvedMacro(f *testing.F) {
	for _, path := range []string{"testdata/unresolved-macro-values.txt", "testdata/values-that-are-not-macros.txt"} {
		for _, value := range testLines(f, path) {
			f.Add(value)
		}
	}
	f.Fuzz(func(t *testing.T, value string) {
		if UnresolvedMacro(value) && !strings.ContainsAny(value, "{}[]<>()%#@$:*|~_") {
			t.Fatalf("%q has nothing of a macro", value)
		}
		// Encoding a value hides no macro.
		if UnresolvedMacro(value) && !UnresolvedMacro(url.PathEscape(value)) && !strings.Contains(value, "%") {
			t.Fatalf("%q is a macro, but not percent-encoded", value)
		}
	})
}

func BenchmarkUnresolvedMacro(b *testing.B) {
	for _, value := range []string{uuid.NewString(), "2026-07-21T10:00:00Z", "{click_id}", "%7Bclick_id%7D"} {
		b.Run(value, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				UnresolvedMacro(value)
			}
		})
	}
}
