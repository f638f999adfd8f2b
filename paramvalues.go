package proofback

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseAmount reads an amount of a postback, by the name it was sent under: a
// plain decimal that is not negative, with at most 12 digits before and 6 after
// the point; no sign, exponent or thousands separator. It is kept as written.
func ParseAmount(name, value string) (Decimal, *Problem) {
	whole, frac, point := strings.Cut(value, ".")
	if !isDigits(whole, 12) || point && !isDigits(frac, 6) {
		return "", &Problem{ReasonInvalidAmount, name, fmt.Sprintf(
			"parameter %q is %s: send a plain decimal such as 1234.50, at most 12 digits before and 6 after the point", name, shown(value),
		)}
	}
	return Decimal(value), nil
}

func isDigits(s string, atMost int) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != "" && len(s) <= atMost
}

// ParseCurrency reads an active ISO 4217 code, in any case.
func ParseCurrency(name, value string) (string, *Problem) {
	code := strings.ToUpper(value)
	if _, ok := CurrencyDigits(code); !ok {
		return "", &Problem{ReasonInvalidCurrency, name, fmt.Sprintf(
			"parameter %q is %s: send an active ISO 4217 code such as EUR", name, shown(value),
		)}
	}
	return code, nil
}

// ParseStatus reads a status: a word that the advertiser's mapping names, else
// pending, approved or rejected; all in any case. Other words mean different
// things to different networks and are never guessed.
func ParseStatus(name, value string, mapping []StatusMapping) (Status, *Problem) {
	for _, m := range mapping {
		if strings.EqualFold(strings.TrimSpace(m.From), value) {
			return m.To, nil
		}
	}
	if s := Status(strings.ToUpper(value)); s.Valid() {
		return s, nil
	}
	return "", &Problem{ReasonInvalidStatus, name, fmt.Sprintf(
		"parameter %q is %s: send pending, approved or rejected, or map this word for the advertiser", name, shown(value),
	)}
}

// Timestamps outside these years are mistakes. Within them, seconds and
// milliseconds cannot be confused.
var (
	minTimestamp = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	maxTimestamp = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// ParseTimestamp reads an event's time: RFC 3339, Unix seconds or Unix
// milliseconds. A time without an offset is refused, for it could be anybody's.
func ParseTimestamp(name, value string) (time.Time, *Problem) {
	t, ok := parseTimestamp(value)
	if !ok || t.Before(minTimestamp) || !t.Before(maxTimestamp) {
		return time.Time{}, &Problem{ReasonInvalidTimestamp, name, fmt.Sprintf(
			"parameter %q is %s: send RFC 3339 with an offset (2026-01-31T12:00:00Z), Unix seconds or milliseconds", name, shown(value),
		)}
	}
	return t.UTC(), nil
}

func parseTimestamp(value string) (t time.Time, ok bool) {
	if isDigits(value, 13) {
		n, _ := strconv.ParseInt(value, 10, 64) // 13 digits always fit
		if n >= minTimestamp.UnixMilli() {
			return time.UnixMilli(n), true
		}
		return time.Unix(n, 0), true
	}
	text := []byte(strings.ToUpper(value))
	if len(text) < len("2006-01-02T15:04:05Z") { // some letters take fewer bytes in upper case
		return time.Time{}, false
	}
	if text[10] == ' ' {
		text[10] = 'T' // RFC 3339, section 5.6, allows it
	}
	if i := len(text) - len("+02:00"); text[i] == ' ' {
		text[i] = '+' // sent without encoding, a form's plus arrives as a blank
	}
	err := t.UnmarshalText(text)
	return t, err == nil
}
