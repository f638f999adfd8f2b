package db

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/proofback/proofback"
)

// Values as nearly all statements for postbacks have them, to and from Postgres by a switch:
// finding pgx's way for one, and going through its interfaces, takes several times as long.
// Whatever is not here, and NULL, goes pgx's way, and what is comes out the same.

// appendUsual appends a value after its length, as a parameter of a type. It reports false
// for one that is not for it.
func appendUsual(b []byte, oid uint32, value any) (_ []byte, ok bool) {
	switch v := value.(type) {
	case uuid.UUID:
		if oid == pgtype.UUIDOID {
			return appendUUID(b, v), true
		}
	case []uuid.UUID:
		if oid == pgtype.UUIDArrayOID && v != nil {
			b, at := beginValue(b)
			return endValue(appendUUIDs(b, v), at), true
		}
	case string:
		if oid == pgtype.TextOID {
			return appendText(b, v), true
		}
	case []string:
		if (oid == pgtype.TextArrayOID || oid == pgtype.VarcharArrayOID) && v != nil {
			return appendTexts(b, oid, v), true
		}
	case time.Time:
		if oid == pgtype.TimestamptzOID {
			return appendTime(b, v), true
		}
	case []time.Time:
		if oid == pgtype.TimestamptzArrayOID && v != nil {
			return appendTimes(b, v), true
		}
	case int16:
		if oid == pgtype.Int2OID {
			return appendInt2(b, v), true
		}
	case int32:
		if oid == pgtype.Int4OID {
			return binary.BigEndian.AppendUint32(appendLen(b, 4), uint32(v)), true
		}
	case []byte:
		if oid == pgtype.JSONBOID && v != nil {
			return appendJSONB(b, v), true
		}
	}
	return b, false
}

// appendArrayHead appends what comes before the elements of a list, in the form of
// Postgres' array_recv: how many dimensions, whether there are NULLs, of which type, how
// many and from which index on.
func appendArrayHead(b []byte, element uint32, n int) []byte {
	for _, v := range [...]uint32{1, 0, element, uint32(n), 1} {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

func appendUUIDs(b []byte, ids []uuid.UUID) []byte {
	b = appendArrayHead(b, pgtype.UUIDOID, len(ids))
	for i := range ids {
		b = appendUUID(b, ids[i])
	}
	return b
}

func appendTexts(b []byte, oid uint32, texts []string) []byte {
	element := uint32(pgtype.TextOID)
	if oid == pgtype.VarcharArrayOID {
		element = pgtype.VarcharOID
	}
	b, at := beginValue(b)
	b = appendArrayHead(b, element, len(texts))
	for _, text := range texts {
		b = appendText(b, text)
	}
	return endValue(b, at)
}

func appendTimes(b []byte, times []time.Time) []byte {
	b, at := beginValue(b)
	b = appendArrayHead(b, pgtype.TimestamptzOID, len(times))
	for _, t := range times {
		b = appendTime(b, t)
	}
	return endValue(b, at)
}

// scanUsual reads a value of a type. It reports false for one that is not for it, such as
// NULL and what is not as long as it should be.
func scanUsual(oid uint32, value []byte, target any) (ok bool) {
	if value == nil {
		return false
	}
	switch to := target.(type) {
	case *uuid.UUID:
		if ok = oid == pgtype.UUIDOID && len(value) == len(to); ok {
			*to = uuid.UUID(value)
		}
	case *string:
		if ok = oid == pgtype.TextOID; ok {
			*to = string(value)
		}
	case *proofback.Decimal:
		if ok = oid == pgtype.TextOID; ok {
			*to = proofback.Decimal(value)
		}
	case *time.Time:
		return scanUsualTime(oid, value, to)
	case *proofback.ClickOutcome:
		if ok = oid == pgtype.Int2OID && len(value) == 2; ok {
			*to = proofback.ClickOutcome(binary.BigEndian.Uint16(value))
		}
	case *proofback.ClickFlags:
		if ok = oid == pgtype.Int2OID && len(value) == 2; ok {
			*to = proofback.ClickFlags(binary.BigEndian.Uint16(value))
		}
	case *int64:
		if ok = oid == pgtype.Int8OID && len(value) == 8; ok {
			*to = int64(binary.BigEndian.Uint64(value))
		}
	case *bool:
		if ok = oid == pgtype.BoolOID && len(value) == 1; ok {
			*to = value[0] == 1
		}
	}
	return ok
}

// scanUsualTime reads a time, which counts microseconds, or a day. For infinity, the
// highest and the lowest value, there is no time.Time.
func scanUsualTime(oid uint32, value []byte, to *time.Time) (ok bool) {
	switch {
	case oid == pgtype.TimestamptzOID && len(value) == 8:
		micros := int64(binary.BigEndian.Uint64(value))
		if ok = micros != math.MaxInt64 && micros != math.MinInt64; ok {
			*to = time.UnixMicro(micros + postgresEpoch.UnixMicro())
		}
	case oid == pgtype.DateOID && len(value) == 4:
		days := int32(binary.BigEndian.Uint32(value))
		if ok = days != math.MaxInt32 && days != math.MinInt32; ok {
			*to = postgresEpoch.AddDate(0, 0, int(days))
		}
	}
	return ok
}
