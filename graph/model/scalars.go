package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"

	"github.com/proofback/proofback"
)

// MarshalString writes a String.
func MarshalString(s string) graphql.Marshaler { return graphql.MarshalString(s) }

// UnmarshalString reads a String and whatever else is text. What Postgres cannot
// keep is refused at the door: NUL, and bytes that are not UTF-8.
func UnmarshalString(v any) (string, error) {
	s, ok := v.(string)
	switch {
	case !ok:
		return "", fmt.Errorf("%s is not a string", kind(v))
	case strings.ContainsRune(s, 0) || !utf8.ValidString(s):
		return "", errors.New("a string may not hold a NUL or anything but UTF-8")
	}
	return s, nil
}

// MarshalDateTime writes a moment in UTC, RFC 3339.
func MarshalDateTime(t time.Time) graphql.Marshaler {
	return graphql.MarshalString(t.UTC().Format(time.RFC3339Nano))
}

// UnmarshalDateTime reads a moment of the years 1 to 9999, RFC 3339.
func UnmarshalDateTime(v any) (time.Time, error) {
	s, ok := v.(string)
	if !ok {
		return time.Time{}, fmt.Errorf("%s is not a DateTime: send RFC 3339 as a string", kind(v))
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.UTC().Year() < 1 {
		return time.Time{}, fmt.Errorf("%.40q is not a DateTime: send RFC 3339, such as 2026-03-01T12:00:00Z", s)
	}
	return t.UTC(), nil
}

// MarshalDate writes the day of t in UTC.
func MarshalDate(t time.Time) graphql.Marshaler {
	return graphql.MarshalString(t.UTC().Format(time.DateOnly))
}

// UnmarshalDate reads a calendar day, as its first moment in UTC.
func UnmarshalDate(v any) (time.Time, error) {
	s, ok := v.(string)
	if !ok {
		return time.Time{}, fmt.Errorf("%s is not a Date: send a string", kind(v))
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%.40q is not a Date: send a day such as 2026-03-01", s)
	}
	return t, nil
}

// MarshalDecimal writes an exact number as a string.
func MarshalDecimal(d proofback.Decimal) graphql.Marshaler {
	return graphql.MarshalString(string(d))
}

// UnmarshalDecimal reads an exact number: a string, or a number as it was
// written.
func UnmarshalDecimal(v any) (proofback.Decimal, error) {
	var s string
	switch v := v.(type) {
	case string:
		s = v
	case json.Number:
		s = v.String()
	case int64:
		s = strconv.FormatInt(v, 10)
	case float64:
		// A literal in the query's text. Up to 15 digits survive a float64.
		if s = strconv.FormatFloat(v, 'f', -1, 64); len(s) > 16 {
			return "", errors.New("too many digits for a number: send the Decimal as a string")
		}
	default:
		return "", fmt.Errorf("%s is not a Decimal: send it as a string", kind(v))
	}
	d, ok := proofback.ParseDecimal(s)
	if !ok {
		return "", fmt.Errorf("%.40q is not a Decimal: send plain digits such as \"12.50\"", s)
	}
	return d, nil
}

// MarshalPostbackResult writes a result in the capitals of an enum.
func MarshalPostbackResult(r proofback.Result) graphql.Marshaler {
	return graphql.MarshalString(strings.ToUpper(string(r)))
}

// UnmarshalPostbackResult reads one.
func UnmarshalPostbackResult(v any) (proofback.Result, error) {
	s, err := graphql.UnmarshalString(v)
	return proofback.Result(strings.ToLower(s)), err
}

// MarshalClickOutcome writes what became of a visitor.
func MarshalClickOutcome(o proofback.ClickOutcome) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { fmt.Fprintf(w, "%q", o) })
}

// UnmarshalClickOutcome refuses: outcomes are shown, never asked for.
func UnmarshalClickOutcome(any) (proofback.ClickOutcome, error) {
	return 0, errors.New("a ClickOutcome is no input")
}

// kind names what kind of JSON a value is, for messages: never its content.
func kind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case json.Number, int, int64, float64:
		return "a number"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return "this"
}
