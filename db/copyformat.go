package db

import (
	"encoding/binary"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// Values in the binary format of their types' send and receive functions, each
// after its length, as COPY takes them. Those that only clicks need are in
// clickrow.go.

func appendIDOrNull(b []byte, id uuid.UUID) []byte {
	if id == uuid.Nil {
		return appendNull(b)
	}
	return appendUUID(b, id)
}

// appendDate writes the UTC day of t: days since Postgres' epoch.
func appendDate(b []byte, t time.Time) []byte {
	days := t.UTC().Truncate(24*time.Hour).Sub(postgresEpoch) / (24 * time.Hour)
	return binary.BigEndian.AppendUint32(appendLen(b, 4), uint32(days))
}

// appendInterval writes a duration as microseconds, and no days and months.
func appendInterval(b []byte, d time.Duration) []byte {
	b = binary.BigEndian.AppendUint64(appendLen(b, 16), uint64(d.Microseconds()))
	return binary.BigEndian.AppendUint64(b, 0)
}

func appendBytes(b, v []byte) []byte { return append(appendLen(b, len(v)), v...) }

// beginValue makes room for the length of a value that is then appended, and
// endValue tells it.
func beginValue(b []byte) (_ []byte, at int) { return appendLen(b, 0), len(b) }

func endValue(b []byte, at int) []byte {
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	return b
}

// appendJSONB writes JSON text as jsonb: the format's version, 1, and the text.
func appendJSONB(b, text []byte) []byte {
	return append(append(appendLen(b, 1+len(text)), 1), text...)
}

// Flags of a range.
const (
	rangeLowerInclusive = 0x02
	rangeUpperInfinite  = 0x10
)

// appendSpan writes a time range as tstzrange: its beginning is in it, its end is
// not, and a zero end is none. The zero range is NULL.
func appendSpan(b []byte, r proofback.TimeRange) []byte {
	switch {
	case r.IsZero():
		return appendNull(b)
	case r.To.IsZero():
		return appendTime(append(appendLen(b, 1+12), rangeLowerInclusive|rangeUpperInfinite), r.From)
	}
	return appendTime(appendTime(append(appendLen(b, 1+2*12), rangeLowerInclusive), r.From), r.To)
}

// appendDecimal writes a number as numeric, with its places after the point as
// they were written: groups of four decimal digits, the power of 10,000 of the
// first group, a sign, and the number of places. "" is NULL.
func appendDecimal(b []byte, d proofback.Decimal) []byte {
	if d == "" {
		return appendNull(b)
	}
	const negative, base = 0x4000, 4
	digits, sign := string(d), uint16(0)
	if strings.HasPrefix(digits, "-") {
		digits, sign = digits[1:], negative
	}
	whole, frac, _ := strings.Cut(digits, ".")
	whole = strings.TrimLeft(whole, "0")
	groups := (len(whole) + base - 1) / base
	weight := groups - 1
	var storage [16]uint16 // a Decimal has at most 24 digits where it came from outside
	list := storage[:0]
	for i := range groups + (len(frac)+base-1)/base {
		var v uint16
		for place := range base {
			v *= 10
			at := i*base + place - groups*base // from the point on
			switch {
			case at >= 0 && at < len(frac):
				v += uint16(frac[at] - '0')
			case at < 0 && len(whole)+at >= 0:
				v += uint16(whole[len(whole)+at] - '0')
			}
		}
		list = append(list, v)
	}
	for len(list) > 0 && list[0] == 0 {
		list, weight = list[1:], weight-1
	}
	for len(list) > 0 && list[len(list)-1] == 0 {
		list = list[:len(list)-1]
	}
	if len(list) == 0 {
		weight, sign = 0, 0 // nought has no sign
	}
	b = appendLen(b, 8+2*len(list))
	for _, v := range [...]uint16{uint16(len(list)), uint16(int16(weight)), sign, uint16(len(frac))} {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	for _, v := range list {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return b
}
