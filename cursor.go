package proofback

import (
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/google/uuid"
)

// String writes the place: opaque to callers, and never more than a place.
func (c Cursor) String() string {
	var b [24]byte
	if !c.At.IsZero() {
		binary.BigEndian.PutUint64(b[:8], uint64(c.At.UnixMicro()))
	}
	copy(b[8:], c.ID[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// ParseCursor reads what String wrote; anything else is not ok.
func ParseCursor(s string) (Cursor, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != 24 {
		return Cursor{}, false
	}
	c := Cursor{ID: uuid.UUID(b[8:])}
	if at := int64(binary.BigEndian.Uint64(b[:8])); at != 0 {
		c.At = time.UnixMicro(at).UTC()
	}
	if y := c.At.Year(); y < 1 || y > 9999 {
		return Cursor{}, false
	}
	return c, true
}

// NumberCursor is the place of a row whose list counts its rows.
func NumberCursor(n int64) Cursor {
	var c Cursor
	binary.BigEndian.PutUint64(c.ID[8:], uint64(n))
	return c
}

// Number is the number of a NumberCursor's row.
func (c Cursor) Number() int64 { return int64(binary.BigEndian.Uint64(c.ID[8:])) }
