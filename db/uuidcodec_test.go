package db

import (
	"bytes"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

func TestListsOfIDsGoOutAsPgxWritesThem(t *testing.T) {
	t.Parallel()
	m := pgtype.NewMap()
	registerUUIDs(m)
	for _, ids := range [][]uuid.UUID{{}, {newID()}, {newID(), uuid.Nil, newID()}} {
		// FlatArray hides the type, so that pgx's own codec writes it.
		want, err := m.Encode(pgtype.UUIDArrayOID, pgtype.BinaryFormatCode, pgtype.FlatArray[uuid.UUID](ids), nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.Encode(pgtype.UUIDArrayOID, pgtype.BinaryFormatCode, ids, []byte("before"))
		if err != nil || !bytes.Equal(got, append([]byte("before"), want...)) {
			t.Errorf("%d ids are written as %x, and not as %x: %v", len(ids), got, want, err)
		}
	}
	if got, err := m.Encode(pgtype.UUIDArrayOID, pgtype.BinaryFormatCode, []uuid.UUID(nil), nil); got != nil || err != nil {
		t.Errorf("no list is written as %x, and not as NULL: %v", got, err)
	}
}

func TestNullIsNoIDWhateverWasThereBefore(t *testing.T) {
	t.Parallel()
	m := pgtype.NewMap()
	registerUUIDs(m)
	want := newID()
	for format, text := range map[int16][]byte{pgtype.BinaryFormatCode: want[:], pgtype.TextFormatCode: []byte(want.String())} {
		var id uuid.UUID
		if err := m.Scan(pgtype.UUIDOID, format, text, &id); err != nil || id != want {
			t.Errorf("format %d: %s, and not %s: %v", format, id, want, err)
		}
		if err := m.Scan(pgtype.UUIDOID, format, text[1:], &id); err == nil {
			t.Errorf("format %d: %s is read from too little", format, id)
		}
		if err := m.Scan(pgtype.UUIDOID, format, nil, &id); err != nil || id != uuid.Nil {
			t.Errorf("format %d: NULL is read as %s: %v", format, id, err)
		}
	}
}
