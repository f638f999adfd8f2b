package proofback

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/language"
)

// MaxName is how many characters a name may have.
const MaxName = 200

// checkName wants 1 to MaxName characters that are not all white space.
func (p *Problems) checkName(name string, path ...string) {
	switch {
	case strings.TrimSpace(name) == "":
		p.Add(path, "a name is needed")
	case utf8.RuneCountInString(name) > MaxName:
		p.Add(path, "at most %d characters", MaxName)
	}
}

// checkCurrency wants an active ISO 4217 code.
func (p *Problems) checkCurrency(code string, path ...string) {
	if _, ok := CurrencyDigits(code); !ok {
		p.Add(path, "%.20q is not an ISO 4217 currency: send a code such as EUR", code)
	}
}

// checkOneOf wants one of a list of words.
func checkOneOf[T ~string](p *Problems, value T, list []T, path ...string) {
	if !slices.Contains(list, value) {
		p.Add(path, "%.40q is not one of %v", string(value), list)
	}
}

// checkTemplate wants a URL that parse takes.
func (p *Problems) checkTemplate(raw string, parse func(string) (*Template, error), path ...string) {
	if _, err := parse(raw); err != nil {
		p.Add(path, "%s", err.Error())
	}
}

// eventTypes are words that survive any URL: letters, digits, "_", "-", ".".
var eventTypes = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)

func (p *Problems) checkEventType(word string, path ...string) {
	if !eventTypes.MatchString(word) {
		p.Add(path, "an event type is 1 to 64 letters, digits, _, - or ., and begins with a letter or digit")
	}
}

// isCountry reports whether code is ISO 3166-1 alpha-2.
func isCountry(code string) bool {
	r, err := language.ParseRegion(code)
	return err == nil && len(code) == 2 && r.IsCountry() && r.String() == code
}
