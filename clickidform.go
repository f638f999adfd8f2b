package proofback

import "strings"

// ClickIDForm is how a click id stands in a URL.
type ClickIDForm string

const (
	FormWhole        ClickIDForm = "WHOLE"         // as a value, or within one
	FormNested       ClickIDForm = "NESTED"        // as a value of a URL that is a value itself, encoded as it should be
	FormCaseChanged  ClickIDForm = "CASE_CHANGED"  // whole, but in another case
	FormEncodedTwice ClickIDForm = "ENCODED_TWICE" // whoever decodes the URL once does not find it
	FormCut          ClickIDForm = "CUT"           // its beginning or end only
	FormMissing      ClickIDForm = "MISSING"
)

// formRank says which form counts when a URL has several.
var formRank = map[ClickIDForm]int{
	FormWhole: 6, FormCaseChanged: 5, FormNested: 4, FormEncodedTwice: 3, FormCut: 2, FormMissing: 1,
}

// Carries reports whether the id goes on from here: a page can read it, or what
// is behind the next redirect can.
func (f ClickIDForm) Carries() bool {
	return f == FormWhole || f == FormNested || f == FormCaseChanged
}

// minCut is how much of an id's beginning or end gives it away.
const minCut = 10

// FindClickID tells how a click id stands in a URL.
func FindClickID(rawURL, id string) ClickIDForm {
	const layers = 3
	return (&idFinder{id}).inURL(rawURL, layers)
}

type idFinder struct{ id string }

func better(a, b ClickIDForm) ClickIDForm {
	if formRank[b] > formRank[a] {
		return b
	}
	return a
}

// inURL looks at each part of a URL, or of a query by itself.
func (f *idFinder) inURL(url string, layers int) ClickIDForm {
	found := FormMissing
	rest, fragment, _ := strings.Cut(url, "#")
	path, query, hasQuery := strings.Cut(rest, "?")
	if !hasQuery && !strings.Contains(path, "/") {
		path, query = "", path // a=b&c=d
	}
	if i := strings.Index(path, "://"); i >= 0 {
		path = path[i+len("://"):]
	}
	for segment := range strings.SplitSeq(path, "/") {
		found = better(found, f.inValue(decodePercent(segment), layers))
	}
	// Single-page applications keep a path and a query behind the #.
	if before, after, ok := strings.Cut(fragment, "?"); ok {
		found = better(found, f.inValue(decodePercent(before), layers))
		fragment = after
	}
	for _, pairs := range [...]string{query, fragment} {
		for pair := range strings.FieldsFuncSeq(pairs, func(r rune) bool { return r == '&' || r == ';' }) {
			found = better(found, f.inPair(pair, layers))
		}
	}
	return found
}

func (f *idFinder) inPair(pair string, layers int) ClickIDForm {
	_, raw, hasValue := strings.Cut(pair, "=")
	if !hasValue {
		raw = pair
	}
	value, _ := decodeForm(raw)
	if !hasValue && strings.Contains(value, "=") {
		// Its equals sign was encoded: there is no such parameter.
		return f.undecoded(value, layers)
	}
	return f.inValue(value, layers)
}

// inValue looks at a value that was decoded once.
func (f *idFinder) inValue(value string, layers int) ClickIDForm {
	if isURL := strings.Contains(value, "://") || strings.HasPrefix(value, "/") || strings.Contains(value, "?"); isURL && layers > 0 {
		if form := f.inURL(value, layers-1); form == FormWhole || form == FormNested {
			return FormNested
		} else if form != FormMissing {
			return form
		}
	} else if strings.ContainsAny(value, "=&") && layers > 0 {
		// A query in a value: the separators were encoded with it.
		return f.undecoded(value, layers)
	}
	if again := decodePercent(value); again != value {
		return f.undecoded(again, layers)
	}
	return f.plain(value)
}

// undecoded looks at what only one more decoding brings to light.
func (f *idFinder) undecoded(value string, layers int) ClickIDForm {
	if layers == 0 {
		return FormMissing
	}
	form := f.plain(value)
	if strings.ContainsAny(value, "=&/?") {
		form = better(f.inURL(value, layers-1), FormMissing)
	}
	switch form {
	case FormWhole, FormNested, FormCaseChanged:
		return FormEncodedTwice
	}
	if again := decodePercent(value); form == FormMissing && again != value {
		return f.undecoded(again, layers-1)
	}
	return form
}

// plain looks for the id in a text as it is.
func (f *idFinder) plain(text string) ClickIDForm {
	switch {
	case strings.Contains(text, f.id):
		return FormWhole
	case strings.Contains(strings.ToUpper(text), strings.ToUpper(f.id)):
		return FormCaseChanged
	case f.holdsEnd(strings.ToUpper(text)):
		return FormCut
	}
	return FormMissing
}

// holdsEnd reports whether the beginning or the end of the id is in a text, which
// is in upper case.
func (f *idFinder) holdsEnd(text string) bool {
	id := strings.ToUpper(f.id)
	return len(id) >= minCut && (strings.Contains(text, id[:minCut]) || strings.Contains(text, id[len(id)-minCut:]))
}
