package proofback

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Lists are made by people and spreadsheets: their amounts and times are read more
// leniently than those of postbacks, but nothing that can mean two things is guessed.

// parseListAmount reads an amount as people write it: with a currency sign, blanks
// or separators of thousands, and with a decimal comma where decimalComma says that
// the list has one. "" says that it is none.
func parseListAmount(text string, decimalComma bool) Decimal {
	digits := plainAmount(text)
	point, group := ".", ","
	if lastComma, lastPoint := strings.LastIndexByte(digits, ','), strings.LastIndexByte(digits, '.'); lastComma >= 0 && lastPoint >= 0 {
		if lastComma > lastPoint {
			point, group = ",", "."
		}
	} else if lastComma >= 0 && (decimalComma || len(digits)-lastComma != len(",000")) {
		point, group = ",", "."
	}
	whole, frac, hasPoint := strings.Cut(digits, point)
	if groups := strings.Split(whole, group); len(groups) > 1 {
		for i, g := range groups {
			if i > 0 && len(g) != 3 {
				return ""
			}
		}
		whole = strings.Join(groups, "")
	}
	if !isDigits(whole, 12) || hasPoint && !isDigits(frac, 12) {
		return ""
	}
	if frac = strings.TrimRight(frac, "0"); len(frac) > 6 {
		return ""
	}
	// Kept with two places at least, as amounts are read.
	if hasPoint {
		return Decimal(whole + "." + frac + strings.Repeat("0", max(0, 2-len(frac))))
	}
	return Decimal(whole)
}

// plainAmount leaves out what stands around the digits of an amount and their points.
func plainAmount(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Sc, r) || r == '\'' {
			return -1
		}
		return r
	}, text)
}

// mayBeThousands reports whether an amount of a list with decimal commas has one point
// that may separate thousands: 1.234 is a thousand times as much then.
func mayBeThousands(text string) bool {
	whole, rest, ok := strings.Cut(plainAmount(text), ".")
	return ok && len(rest) == 3 && isDigits(rest, 3) && isDigits(whole, 3) && whole[0] != '0'
}

// listTimes are the forms of a time without an offset. Those with slashes may mean
// two days and are read only where they cannot.
var listTimes = []string{
	"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02",
	"2006/01/02 15:04:05", "2006/01/02 15:04", "2006/01/02",
	"02.01.2006 15:04:05", "02.01.2006 15:04", "02.01.2006",
	"2 Jan 2006 15:04:05", "2 Jan 2006", "Jan 2, 2006",
}

// parseListTime reads a time; one without an offset is the advertiser's own.
func parseListTime(text string, zone *time.Location) (time.Time, string) {
	if t, ok := parseTimestamp(text); ok {
		return inYears(t)
	}
	for _, layout := range listTimes {
		if t, err := parseLocal(layout, text, zone); err == nil {
			return inYears(t)
		}
	}
	if day, rest, ok := strings.Cut(text, "/"); ok {
		month, _, _ := strings.Cut(rest, "/")
		first, err1 := strconv.Atoi(day)
		second, err2 := strconv.Atoi(month)
		if err1 == nil && err2 == nil && (first > 12) != (second > 12) {
			layout := "1/2/2006"
			if first > 12 {
				layout = "2/1/2006"
			}
			for _, clock := range []string{"", " 15:04:05", " 15:04"} {
				if t, err := parseLocal(layout+clock, text, zone); err == nil {
					return inYears(t)
				}
			}
		}
		if err1 == nil && err2 == nil {
			return time.Time{}, fmt.Sprintf("the time %s may be two days: write 2026-01-31 12:00:00", shown(text))
		}
	}
	return time.Time{}, fmt.Sprintf("the time %s cannot be read: write 2026-01-31 12:00:00", shown(text))
}

// parseLocal reads a time of a zone. Of a day on which the clocks skip midnight, midnight
// is when it begins.
func parseLocal(layout, text string, zone *time.Location) (time.Time, error) {
	t, err := time.ParseInLocation(layout, text, zone)
	if err != nil {
		return t, err
	}
	written, err := time.Parse(layout, text)
	if y, m, d := written.Date(); err == nil && d != t.Day() {
		return dayBegins(y, m, d, zone), nil
	}
	return t, err
}

func inYears(t time.Time) (time.Time, string) {
	if t.Before(minTimestamp) || !t.Before(maxTimestamp) {
		return time.Time{}, fmt.Sprintf("the time is in the year %d", t.Year())
	}
	return t.UTC(), ""
}
