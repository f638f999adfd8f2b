package proofback

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

var anyMoment = rapid.Map(rapid.Int64Range(0, 4102444800_000_000_000), func(ns int64) time.Time {
	return time.Unix(0, ns).UTC()
})

func TestUUIDv7TellsItsMillisecond(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := anyMoment.Draw(t, "now")
		id, err := NewUUIDv7(now, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if id.Version() != 7 || id.Variant() != uuid.RFC4122 {
			t.Fatalf("%s is version %d, variant %s", id, id.Version(), id.Variant())
		}
		if got, want := UUIDTime(id), now.Truncate(time.Millisecond); !got.Equal(want) || got.Location() != time.UTC {
			t.Fatalf("UUIDTime = %v, want %v", got, want)
		}
	})
}

func TestUUIDv7SortsAsItWasMade(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		earlier := anyMoment.Draw(t, "earlier")
		later := earlier.Add(time.Duration(rapid.Int64Range(250, 1e12).Draw(t, "nanoseconds after")))
		a, errA := NewUUIDv7(earlier, rand.Reader)
		b, errB := NewUUIDv7(later, rand.Reader)
		if err := errors.Join(errA, errB); err != nil {
			t.Fatal(err)
		}
		if bytes.Compare(a[:], b[:]) >= 0 {
			t.Fatalf("%s of %v does not sort before %s of %v", a, earlier, b, later)
		}
	})
}

func TestUUIDFloorParts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		bound, made := anyMoment.Draw(t, "bound"), anyMoment.Draw(t, "made")
		floor := UUIDFloor(bound)
		id, err := NewUUIDv7(made, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if floor.Version() != 7 || floor.Variant() != uuid.RFC4122 {
			t.Fatalf("%s is no UUIDv7", floor)
		}
		before := made.Before(bound.Truncate(time.Millisecond))
		if below := bytes.Compare(id[:], floor[:]) < 0; below != before {
			t.Fatalf("%s made at %v: below the floor of %v is %t, want %t", id, made, bound, below, before)
		}
	})
	if got := UUIDFloor(time.Unix(-5, 0)); !UUIDTime(got).Equal(time.Unix(0, 0)) {
		t.Errorf("floor before 1970 is %v", UUIDTime(got))
	}
	if got := UUIDFloor(time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)); UUIDTime(got).UnixMilli() != maxUUIDMillis {
		t.Errorf("floor after the last moment is %v", UUIDTime(got))
	}
}

func TestUUIDv7RefusesWhatItCannotTell(t *testing.T) {
	t.Parallel()
	for _, now := range []time.Time{time.Unix(-1, 0), time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)} {
		if id, err := NewUUIDv7(now, rand.Reader); err == nil {
			t.Errorf("NewUUIDv7(%v) = %s, want an error", now, id)
		}
	}
	broken := errors.New("no more luck")
	if _, err := NewUUIDv7(time.Unix(1, 0), iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("error %v does not wrap that of the source of randomness", err)
	}
}
