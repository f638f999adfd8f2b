package proofback

import (
	"cmp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// MacroSet is the macros that a kind of template takes.
type MacroSet struct{ names []string }

// The macros of landing and fallback URLs, and those of affiliates' destinations.
var (
	LandingMacros = MacroSet{slices.Concat([]string{
		"click_id", "affiliate_id", "offer_id", "link_code", "source", "creative", "country", "device", "timestamp", "random",
	}, subParams[:])}
	DestinationMacros = MacroSet{slices.Concat([]string{
		"click_id", "txid", "event_type", "status", "payout", "currency", "offer_id", "affiliate_id", "conversion_id", "timestamp",
		"source", "delivery_id",
	}, subParams[:])}
)

// Names lists the macros, without braces.
func (s MacroSet) Names() []string { return slices.Clone(s.names) }

// find gives the macro of a name in any case.
func (s MacroSet) find(name string) (string, bool) {
	i := slices.IndexFunc(s.names, func(n string) bool { return strings.EqualFold(n, name) })
	if i < 0 {
		return "", false
	}
	return s.names[i], true
}

// UnknownMacro is a name that is no macro, and the macro that was perhaps meant,
// "" when there is no telling.
type UnknownMacro struct{ Name, Suggestion string }

func (u UnknownMacro) problem() *Error {
	if u.Suggestion != "" {
		return Invalid(nil, "{%s} is no macro here: did you mean {%s}?", u.Name, u.Suggestion)
	}
	return Invalid(nil, "{%s} is no macro here", u.Name)
}

// Unknown picks the names that are no macros of the set.
func (s MacroSet) Unknown(names ...string) []UnknownMacro {
	var unknown []UnknownMacro
	for _, name := range names {
		if _, ok := s.find(name); !ok {
			unknown = append(unknown, UnknownMacro{name, s.suggest(name)})
		}
	}
	return unknown
}

// macroSynonyms are other trackers' names for our macros, without separators and
// numbers.
var macroSynonyms = map[string]string{
	"affid": "affiliate_id", "affiliate": "affiliate_id", "pid": "affiliate_id", "publisherid": "affiliate_id",
	"affsub": "sub", "subid": "sub", "s": "sub", "p": "sub", "afsub": "sub", "sub": "sub",
	"cid": "click_id", "clkid": "click_id", "externalid": "click_id",
	"transactionid": "txid", "transid": "txid", "tid": "txid", "orderid": "txid", "eventid": "txid",
	"goal": "event_type", "goalid": "event_type", "event": "event_type", "eventname": "event_type",
	"amount": "payout", "commission": "payout", "revenue": "payout", "sum": "payout",
	"geo": "country", "countrycode": "country", "cachebuster": "random", "rand": "random",
	"time": "timestamp", "ts": "timestamp", "unixtime": "timestamp", "offer": "offer_id", "campaignid": "offer_id",
	"conversion": "conversion_id", "leadid": "conversion_id", "site": "source", "sourceid": "source",
}

// suggest guesses which macro was meant: the same but for separators, another
// tracker's word, or two slips of the finger away.
func (s MacroSet) suggest(name string) string {
	plain := plainName(name)
	word := strings.TrimRight(plain, "0123456789")
	if synonym, ok := macroSynonyms[word]; ok {
		if synonym == "sub" {
			synonym += cmp.Or(plain[len(word):], "1")
		}
		if macro, ok := s.find(synonym); ok {
			return macro
		}
	}
	const maxSlips = 2
	best, slips := "", maxSlips+1
	for _, macro := range s.names {
		// Short names are two slips away from anything.
		if d := levenshtein.ComputeDistance(plain, plainName(macro)); d < slips && 3*d <= len(plain) {
			best, slips = macro, d
		}
	}
	return best
}

func plainName(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == '.' {
			return -1
		}
		return r
	}, strings.ToLower(name))
}
