package db

import (
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// registerUUIDs has uuid.UUID go to and from Postgres as its 16 bytes. pgx knows
// it only by its methods for database/sql, and would spell it out and read it
// again.
func registerUUIDs(m *pgtype.Map) {
	one := &pgtype.Type{Name: "uuid", OID: pgtype.UUIDOID, Codec: uuidCodec{}}
	m.RegisterType(one)
	m.RegisterType(&pgtype.Type{Name: "_uuid", OID: pgtype.UUIDArrayOID, Codec: uuidsCodec{&pgtype.ArrayCodec{ElementType: one}}})
	m.RegisterDefaultPgType(uuid.UUID{}, "uuid")
	m.RegisterDefaultPgType([]uuid.UUID{}, "_uuid")
	m.RegisterDefaultPgType([]*uuid.UUID{}, "_uuid")
}

// uuidCodec is pgx's, with a shorter way for uuid.UUID.
type uuidCodec struct{ pgtype.UUIDCodec }

// PlanEncode implements pgtype.Codec.
func (c uuidCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.(uuid.UUID); ok {
		return encodeUUID{binary: format == pgtype.BinaryFormatCode}
	}
	return c.UUIDCodec.PlanEncode(m, oid, format, value)
}

type encodeUUID struct{ binary bool }

// Encode implements pgtype.EncodePlan.
func (e encodeUUID) Encode(value any, buf []byte) ([]byte, error) {
	id := value.(uuid.UUID)
	if e.binary {
		return append(buf, id[:]...), nil
	}
	return append(buf, id.String()...), nil
}

// PlanScan implements pgtype.Codec.
func (c uuidCodec) PlanScan(m *pgtype.Map, oid uint32, format int16, target any) pgtype.ScanPlan {
	if _, ok := target.(*uuid.UUID); ok {
		return scanUUID{binary: format == pgtype.BinaryFormatCode}
	}
	return c.UUIDCodec.PlanScan(m, oid, format, target)
}

// uuidsCodec is pgx's, with a shorter way for []uuid.UUID: without reflection, which takes
// memory for each of them.
type uuidsCodec struct{ *pgtype.ArrayCodec }

// PlanEncode implements pgtype.Codec.
func (c uuidsCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.([]uuid.UUID); ok && format == pgtype.BinaryFormatCode {
		return encodeUUIDs{}
	}
	return c.ArrayCodec.PlanEncode(m, oid, format, value)
}

type encodeUUIDs struct{}

// Encode implements pgtype.EncodePlan.
func (encodeUUIDs) Encode(value any, buf []byte) ([]byte, error) {
	return appendUUIDs(buf, value.([]uuid.UUID)), nil
}

type scanUUID struct{ binary bool }

// Scan implements pgtype.ScanPlan. NULL becomes uuid.Nil, whatever was there before.
func (s scanUUID) Scan(src []byte, target any) (err error) {
	id := target.(*uuid.UUID)
	switch {
	case src == nil:
		*id = uuid.Nil
	case !s.binary:
		*id, err = uuid.ParseBytes(src)
	case len(src) != len(id):
		return fmt.Errorf("a uuid of %d bytes", len(src))
	default:
		copy(id[:], src)
	}
	return err
}
