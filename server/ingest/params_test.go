package ingest

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/proofback/proofback"
)

func TestReadQueryTakesWhatItCan(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		query string
		want  proofback.Click
	}{
		{"", proofback.Click{}},
		{"sub1=a&sub10=b&source=c&creative=d", proofback.Click{Subs: [10]string{0: "a", 9: "b"}, Source: "c", Creative: "d"}},
		{"sub0=x&sub11=x&sub=x&sub01=x&Sub1=x&other=x", proofback.Click{}},
		{"sub1=a%20b+c%2Fd", proofback.Click{Subs: [10]string{"a b c/d"}}},
		{"sub1=100%&sub2=%zz&sub3=%4", proofback.Click{Subs: [10]string{"100%", "%zz", "%4"}}},
		{"sub1=a;b&sub2=c=d", proofback.Click{Subs: [10]string{"a;b", "c=d"}}},
		{"sub1=first&sub1=second", proofback.Click{Subs: [10]string{"first"}}},
		{"sub1=&sub1=second", proofback.Click{Subs: [10]string{"second"}}},
		{"%73ub1=a", proofback.Click{Subs: [10]string{"a"}}},
		{"&&=&sub1&sub2=x", proofback.Click{Subs: [10]string{1: "x"}}},
		{"sub1=a%00b%0d%0ac", proofback.Click{Subs: [10]string{"abc"}, Flags: proofback.FlagValueCleaned}},
		{"source=%ff%fe", proofback.Click{Flags: proofback.FlagValueCleaned}},
		{"creative=" + strings.Repeat("%C3%BC", 251), proofback.Click{Creative: strings.Repeat("ü", 250), Flags: proofback.FlagValueCut}},
	} {
		var got proofback.Click
		readQuery(&got, c.query)
		if diff := cmp.Diff(c.want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Errorf("%.60s (-want +got):\n%s", c.query, diff)
		}
	}
}

func FuzzReadQuery(f *testing.F) {
	f.Add("sub1=a%20b+c&source=%ff&creative=%")
	f.Fuzz(func(t *testing.T, query string) {
		var c proofback.Click
		readQuery(&c, query)
		for i, s := range append(c.Subs[:], c.Source, c.Creative) {
			if !utf8.ValidString(s) || len(s) > proofback.MaxClickValue || strings.ContainsRune(s, 0) {
				t.Errorf("value %d of %q is %q", i, query, s)
			}
		}
		// Where the standard library understands a query, so do we.
		if values, err := url.ParseQuery(query); err == nil && len(values["sub1"]) == 1 {
			if want, _ := proofback.CleanClickValue(values.Get("sub1")); c.Subs[0] != want {
				t.Errorf("%q: got %q, want %q", query, c.Subs[0], want)
			}
		}
	})
}
