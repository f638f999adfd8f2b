package proofback

import (
	"strings"
	"testing"
)

func TestAnAuditSaysWhereTheIDWasLost(t *testing.T) {
	t.Parallel()
	hops := func(forms string) []Hop {
		letters := map[rune]ClickIDForm{'w': FormWhole, 'n': FormNested, 'c': FormCaseChanged, '2': FormEncodedTwice, 'k': FormCut, '-': FormMissing}
		var list []Hop
		for _, f := range forms {
			list = append(list, Hop{URL: "https://hop.example/", Form: letters[f], Status: 302, Location: "/next"})
		}
		last := &list[len(list)-1]
		last.Status, last.Location = 200, ""
		return list
	}
	ending := func(forms string, status int, location, err string) []Hop {
		list := hops(forms)
		last := &list[len(list)-1]
		last.Status, last.Location, last.Error = status, location, err
		return list
	}
	for _, tt := range []struct {
		name     string
		hops     []Hop
		verdict  Verdict
		survived bool
		lostAt   int
		says     string
	}{
		{"a page at once", hops("w"), VerdictSurvived, true, 0, "unchanged at hop 1"},
		{"through redirects", hops("wnw"), VerdictSurvived, true, 0, "hop 3"},
		{"gone and back again", hops("w-w"), VerdictSurvived, true, 0, ""},
		{"nested to the end, as in a deep link", hops("nn"), VerdictSurvived, true, 0, ""},
		{"encoded twice by the offer itself", hops("22"), VerdictSurvived, true, 0, ""},
		{"in another case", hops("wcc"), VerdictCaseChanged, true, 0, "since hop 2"},
		{"left out by the first", hops("w-"), VerdictLost, false, 1, "hop 1 (https://hop.example/) leaves"},
		{"left out by the second", hops("ww--"), VerdictLost, false, 2, "copy the whole query"},
		{"cut", hops("wwk"), VerdictCut, false, 2, "40 characters"},
		{"encoded twice", hops("wn2"), VerdictEncodedTwice, false, 2, "encode a value once"},
		{"never there", hops("-"), VerdictLost, false, 1, ""},
		{"a page that fails", ending("ww", 404, "", ""), VerdictPageFailed, true, 0, "answers 404"},
		{"no answer", ending("ww", 0, "", "there was no answer in time"), VerdictBrokenOff, false, 0, "breaks off at hop 2: there was no answer"},
		{"too long a way", ending("ww", 302, "/next", "more than 15 redirects"), VerdictBrokenOff, false, 0, "more than 15"},
		{"lost before it broke off", ending("w-", 0, "", "no answer"), VerdictLost, false, 1, ""},
		{"nothing", nil, VerdictBrokenOff, false, 0, "no request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := (&RedirectAudit{Hops: tt.hops}).Conclude()
			if got.Verdict != tt.verdict || got.Survived != tt.survived || got.LostAtHop != tt.lostAt || !strings.Contains(got.Summary, tt.says) {
				t.Errorf("%+v", got)
			}
		})
	}
}
