package proofback

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
)

// maxUUIDMillis is the last moment that the 48 bits of a UUIDv7 can tell.
const maxUUIDMillis = 1<<48 - 1

// NewUUIDv7 makes a time-ordered id (RFC 9562, section 5.7) for now: 48 bits of
// Unix milliseconds, 12 bits that tell the fraction of the millisecond (method 3
// of section 6.2, so that ids of one process sort as they were made) and 62
// random bits from random. It fails when random does, or when now is before 1970
// or after the year 10889.
func NewUUIDv7(now time.Time, random io.Reader) (uuid.UUID, error) {
	ms := now.UnixMilli()
	if ms < 0 || ms > maxUUIDMillis {
		return uuid.Nil, fmt.Errorf("a UUIDv7 cannot tell the time %s", now.UTC().Format(time.RFC3339))
	}
	var id uuid.UUID
	if _, err := io.ReadFull(random, id[8:]); err != nil {
		return uuid.Nil, fmt.Errorf("random bits for a UUIDv7: %w", err)
	}
	const nanosPerMilli = int(time.Millisecond)
	fraction := uint64(now.Nanosecond()%nanosPerMilli) << 12 / uint64(nanosPerMilli)
	binary.BigEndian.PutUint64(id[:8], uint64(ms)<<16|0x7000|fraction)
	id[8] = id[8]&0x3f | 0x80
	return id, nil
}

// UUIDTime is the moment that a UUIDv7 was made at, in UTC and to the
// millisecond.
func UUIDTime(id uuid.UUID) time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(id[:8]) >> 16)).UTC()
}

// UUIDFloor is the smallest UUIDv7 of t's millisecond: ids below it were made
// before, ids from it on were made then or later. It bounds partitions and
// ranges of keys. A t that no UUIDv7 can tell gives the nearest one that can be.
func UUIDFloor(t time.Time) uuid.UUID {
	ms := min(max(t.UnixMilli(), 0), maxUUIDMillis)
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(ms)<<16|0x7000)
	id[8] = 0x80
	return id
}
