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
