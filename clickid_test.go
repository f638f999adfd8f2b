package proofback

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

func testClickKey(version int) ClickKey {
	return ClickKey{version, bytes.Repeat([]byte{byte(version)}, 32)}
}

func testClickKeys(tb testing.TB) *ClickKeys {
	tb.Helper()
	keys, err := NewClickKeys(2, testClickKey(1), testClickKey(2))
	if err != nil {
		tb.Fatal(err)
	}
	return keys
}

// anyClick is a UUIDv7 of the years in which clicks happen.
var anyClick = rapid.Custom(func(t *rapid.T) uuid.UUID {
	now := time.Unix(0, rapid.Int64Range(1577836800e9, 4102444800e9-1).Draw(t, "now"))
	random := rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "random")
	id, err := NewUUIDv7(now, bytes.NewReader(random))
	if err != nil {
		t.Fatal(err)
	}
	return id
})

func TestClickIDIsReadBackInAnyCaseAndWithLookAlikes(t *testing.T) {
	t.Parallel()
	keys := testClickKeys(t)
	rapid.Check(t, func(t *rapid.T) {
		id := anyClick.Draw(t, "id")
		text := keys.Encode(id)
		if len(text) != ClickIDLength || strings.Trim(text, crockford) != "" || !strings.HasPrefix(text, "Y") {
			t.Fatalf("made %q", text)
		}
		for _, sent := range []string{
			text,
			strings.ToLower(text),
			strings.NewReplacer("1", "I", "0", "O").Replace(text),
			strings.NewReplacer("1", "l", "0", "o").Replace(text),
		} {
			if got, state := keys.Parse(sent); state != ClickIDWhole || got != id {
				t.Fatalf("Parse(%q) = %s, %s; want %s, whole", sent, got, state, id)
			}
		}
	})
}

func TestClickIDsOfEveryKeptKeyAreRead(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("01939f5e-7b1a-7c3d-8e4f-5a6b7c8d9e0f")
	for current := 1; current <= MaxClickKeyVersion; current++ {
		old, err := NewClickKeys(current, testClickKey(current))
		if err != nil {
			t.Fatal(err)
		}
		text := old.Encode(id)
		next := current%MaxClickKeyVersion + 1
		rotated, err := NewClickKeys(next, testClickKey(current), testClickKey(next))
		if err != nil {
			t.Fatal(err)
		}
		if got, state := rotated.Parse(text); state != ClickIDWhole || got != id {
			t.Errorf("key %d after rotation to %d: %s, %s", current, next, got, state)
		}
		if rotated.Encode(id) == text {
			t.Errorf("key %d is not used after rotation from %d", next, current)
		}
		without, err := NewClickKeys(next, testClickKey(next))
		if err != nil {
			t.Fatal(err)
		}
		if got, state := without.Parse(text); state != ClickIDForged || got != uuid.Nil {
			t.Errorf("key %d dropped: %s, %s; want forged", current, got, state)
		}
	}
}

func TestClickIDOfAnotherSecretIsForged(t *testing.T) {
	t.Parallel()
	keys := testClickKeys(t)
	theirs, err := NewClickKeys(2, ClickKey{2, bytes.Repeat([]byte("x"), 32)})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := theirs.Encode(anyClick.Draw(t, "id"))
		if got, state := keys.Parse(text); state != ClickIDForged || got != uuid.Nil {
			t.Fatalf("Parse(%q) = %s, %s; want forged", text, got, state)
		}
	})
}

func TestClickIDWithARightChecksumAndAWrongMACIsForged(t *testing.T) {
	t.Parallel()
	keys := testClickKeys(t)
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(keys.Encode(anyClick.Draw(t, "id")))
		symbols := make([]byte, len(text))
		for i, c := range text {
			symbols[i] = crockfordValue[c]
		}
		symbols[rapid.IntRange(0, clickIDPayload-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 31).Draw(t, "bits"))
		crc := clickChecksum(symbols[:clickIDPayload])
		symbols[37], symbols[38], symbols[39] = byte(crc>>10), byte(crc>>5)&31, byte(crc)&31
		for i, v := range symbols {
			text[i] = crockford[v]
		}
		if got, state := keys.Parse(string(text)); state != ClickIDForged {
			t.Fatalf("Parse(%q) = %s, %s; want forged", text, got, state)
		}
	})
}

func TestClickKeysAreRefused(t *testing.T) {
	t.Parallel()
	short := ClickKey{1, make([]byte, 31)}
	for name, make := range map[string]func() (*ClickKeys, error){
		"no keys":              func() (*ClickKeys, error) { return NewClickKeys(1) },
		"a short secret":       func() (*ClickKeys, error) { return NewClickKeys(1, short) },
		"version 0":            func() (*ClickKeys, error) { return NewClickKeys(0, testClickKey(0)) },
		"version 32":           func() (*ClickKeys, error) { return NewClickKeys(32, testClickKey(32)) },
		"a version twice":      func() (*ClickKeys, error) { return NewClickKeys(1, testClickKey(1), testClickKey(1)) },
		"current not among":    func() (*ClickKeys, error) { return NewClickKeys(2, testClickKey(1)) },
		"current out of range": func() (*ClickKeys, error) { return NewClickKeys(-1, testClickKey(1)) },
	} {
		if keys, err := make(); err == nil || keys != nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestZeroClickKeysAreUnusable(t *testing.T) {
	t.Parallel()
	var zero ClickKeys
	if _, state := zero.Parse(testClickKeys(t).Encode(uuid.Max)); state != ClickIDForged {
		t.Errorf("the zero keys take an id for %s", state)
	}
	defer func() {
		if recover() == nil {
			t.Error("the zero keys made an id")
		}
	}()
	zero.Encode(uuid.Max)
}

func TestClickKeysKeepTheirOwnCopyOfASecret(t *testing.T) {
	t.Parallel()
	key := testClickKey(1)
	keys, err := NewClickKeys(1, key)
	if err != nil {
		t.Fatal(err)
	}
	clear(key.Secret)
	want, err := NewClickKeys(1, testClickKey(1))
	if err != nil {
		t.Fatal(err)
	}
	if keys.Encode(uuid.Max) != want.Encode(uuid.Max) {
		t.Error("clearing the caller's bytes changed the key")
	}
}

func BenchmarkClickIDEncode(b *testing.B) {
	keys := testClickKeys(b)
	id, err := NewUUIDv7(time.Now(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = keys.Append(dst[:0], id)
	}
}

func BenchmarkClickIDParse(b *testing.B) {
	keys := testClickKeys(b)
	id, err := NewUUIDv7(time.Now(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	whole := keys.Encode(id)
	for name, text := range map[string]string{"whole": whole, "cut": whole[:37], "foreign": uuid.NewString()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				keys.Parse(text)
			}
		})
	}
}
