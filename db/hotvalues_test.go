package db

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/proofback/proofback"
)

func TestUsualValuesGoOutAsPgxWritesThem(t *testing.T) {
	t.Parallel()
	m := pgtype.NewMap()
	registerUUIDs(m)
	at := time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.FixedZone("", 3600))
	for _, c := range []struct {
		oid    uint32
		values []any
	}{
		{pgtype.UUIDOID, []any{newID(), uuid.Nil}},
		{pgtype.UUIDArrayOID, []any{[]uuid.UUID{}, []uuid.UUID{newID(), newID()}}},
		{pgtype.TextOID, []any{"", "a text with ä"}},
		{pgtype.TextArrayOID, []any{[]string{}, []string{"", "b"}}},
		{pgtype.VarcharArrayOID, []any{[]string{}, []string{"", "b"}}},
		{pgtype.TimestamptzOID, []any{at, at.AddDate(-200, 0, 0)}},
		{pgtype.TimestamptzArrayOID, []any{[]time.Time{}, []time.Time{at, {}}}},
		{pgtype.Int2OID, []any{int16(7), int16(math.MinInt16)}},
		{pgtype.Int4OID, []any{int32(7), int32(math.MinInt32)}},
		{pgtype.JSONBOID, []any{[]byte(`{}`), []byte(`{"a": ["b"]}`)}},
	} {
		for _, v := range c.values {
			before := []byte("before")
			b, start := beginValue(before)
			want, err := m.Encode(c.oid, pgtype.BinaryFormatCode, v, b)
			if err != nil {
				t.Fatal(err)
			}
			want = endValue(want, start)
			if got, ok := appendUsual([]byte("before"), c.oid, v); !ok || !bytes.Equal(got, want) {
				t.Errorf("%#v is written as %x, and not as %x", v, got, want)
			}
		}
	}
	for _, v := range []any{newID(), []uuid.UUID(nil), []string(nil), []time.Time(nil), []byte(nil), "a text", 7, int16(7), int32(7), at, nil} {
		for _, oid := range []uint32{pgtype.ByteaOID, pgtype.JSONOID, pgtype.NumericOID} {
			if got, ok := appendUsual([]byte("before"), oid, v); ok || string(got) != "before" {
				t.Errorf("%#v is written as a value of type %d: %x", v, oid, got)
			}
		}
	}
}

func TestUsualValuesAreReadAsPgxReadsThem(t *testing.T) {
	t.Parallel()
	m := pgtype.NewMap()
	registerUUIDs(m)
	id := newID()
	of := func(parts ...any) (b []byte) {
		for _, p := range parts {
			b, _ = binary.Append(b, binary.BigEndian, p)
		}
		return b
	}
	for _, c := range []struct {
		oid    uint32
		target any
		values [][]byte
	}{
		{pgtype.UUIDOID, new(uuid.UUID), [][]byte{id[:], make([]byte, 16), nil, id[:3]}},
		{pgtype.TextOID, new(string), [][]byte{[]byte("ä"), {}, nil}},
		{pgtype.TextOID, new(proofback.Decimal), [][]byte{[]byte("9.90"), {}, nil}},
		{pgtype.TimestamptzOID, new(time.Time), [][]byte{of(int64(825_000_000_123_456)), of(int64(-1)), of(int64(math.MaxInt64)), of(int64(math.MinInt64)), of(int32(1)), nil}},
		{pgtype.DateOID, new(time.Time), [][]byte{of(int32(9_600)), of(int32(-1)), of(int32(math.MaxInt32)), of(int32(math.MinInt32)), of(int64(1)), nil}},
		{pgtype.Int2OID, new(proofback.ClickOutcome), [][]byte{of(int16(6)), of(int16(-1)), of(int32(1)), nil}},
		{pgtype.Int2OID, new(proofback.ClickFlags), [][]byte{of(int16(6)), of(int16(-1)), of(int32(1)), nil}},
		{pgtype.Int8OID, new(int64), [][]byte{of(int64(math.MaxInt64)), of(int64(-1)), of(int32(1)), nil}},
		{pgtype.BoolOID, new(bool), [][]byte{{1}, {0}, {1, 0}, nil}},
		{pgtype.Int4OID, new(int64), [][]byte{of(int32(-1))}}, // not usual
	} {
		for _, v := range c.values {
			want := reflect.New(reflect.TypeOf(c.target).Elem()).Interface()
			wantErr := m.Scan(c.oid, pgtype.BinaryFormatCode, v, want)
			var read columnReader
			err := read.scan(m, c.oid, v, c.target)
			if (err == nil) != (wantErr == nil) {
				t.Errorf("%x of type %d into %T: %v, and not %v", v, c.oid, c.target, err, wantErr)
			}
			if err == nil && fmt.Sprint(reflect.ValueOf(c.target).Elem()) != fmt.Sprint(reflect.ValueOf(want).Elem()) {
				t.Errorf("%x of type %d into %T is %v, and not %v", v, c.oid, c.target, reflect.ValueOf(c.target).Elem(), reflect.ValueOf(want).Elem())
			}
		}
	}
}
