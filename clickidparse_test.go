package proofback

import (
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

const foreignBytes = crockford + "ILOUabcuxyz-_ %+/=.éß€"

func wantDamaged(t interface{ Fatalf(string, ...any) }, keys *ClickKeys, whole, sent string) {
	if got, state := keys.Parse(sent); state != ClickIDDamaged || got != uuid.Nil {
		t.Fatalf("%q sent as %q: %s, %s; want damaged", whole, sent, got, state)
	}
}

func TestDamagedClickIDsAreToldFromForgedOnes(t *testing.T) {
	t.Parallel()
	keys := testClickKeys(t)
	foreign := []rune(foreignBytes)
	rapid.Check(t, func(t *rapid.T) {
		whole := keys.Encode(anyClick.Draw(t, "id"))
		at := rapid.IntRange(0, ClickIDLength-1).Draw(t, "at")

		c := string(rapid.SampledFrom(foreign).Draw(t, "character"))
		if same := len(c) == 1 && crockfordValue[c[0]] == crockfordValue[whole[at]]; !same {
			wantDamaged(t, keys, whole, whole[:at]+c+whole[at+1:])
		}
		if to := rapid.IntRange(0, ClickIDLength-1).Draw(t, "swapped with"); whole[at] != whole[to] {
			b := []byte(whole)
			b[at], b[to] = b[to], b[at]
			wantDamaged(t, keys, whole, string(b))
		}
		wantDamaged(t, keys, whole, whole[:max(at, minClickTrace)]) // cut short
		wantDamaged(t, keys, whole, whole[min(at+1, ClickIDLength-minClickEnding):])
		wantDamaged(t, keys, whole, whole[:at]+whole[at+1:]) // a character lost
		wantDamaged(t, keys, whole, whole[:at]+c+whole[at:]) // one added
		added := rapid.StringN(0, 60, -1)
		sent := added.Draw(t, "before") + whole + added.Draw(t, "after")
		if sent != whole {
			wantDamaged(t, keys, whole, sent)
		}
	})
}

// The checksum is linear: a change is seen exactly when the change itself, seen
// as a payload, does not sum to nought. So these are all changes there are.
func TestClickIDChecksumSeesAllSmallChanges(t *testing.T) {
	t.Parallel()
	blank := clickChecksum(make([]byte, clickIDPayload))
	syndrome := func(change *[ClickIDLength]byte) uint16 {
		sum := uint16(change[37])<<10 | uint16(change[38])<<5 | uint16(change[39])
		return clickChecksum(change[:clickIDPayload]) ^ blank ^ sum
	}
	var single [ClickIDLength][32]uint16
	seen := map[uint16][2]int{0: {-1, 0}}
	for at := range ClickIDLength {
		for bits := 1; bits < 32; bits++ {
			var change [ClickIDLength]byte
			change[at] = byte(bits)
			s := syndrome(&change)
			single[at][bits] = s
			// Two single changes of one syndrome would cancel each other out.
			if other, taken := seen[s]; taken {
				t.Fatalf("changing character %d by %d is not told from changing %d by %d", at, bits, other[0], other[1])
			}
			seen[s] = [2]int{at, bits}
		}
	}
	for at := range ClickIDLength - 2 {
		for bits := 1; bits < 1<<15; bits++ {
			if single[at][bits>>10]^single[at+1][bits>>5&31]^single[at+2][bits&31] == 0 {
				t.Fatalf("the change %#x of characters %d to %d is not seen", bits, at, at+2)
			}
		}
	}
}

func TestForeignIdentifiersAreNotTakenForDamagedClickIDs(t *testing.T) {
	t.Parallel()
	keys := testClickKeys(t)
	values, err := os.ReadFile("testdata/values-that-are-not-macros.txt")
	if err != nil {
		t.Fatal(err)
	}
	foreign := append(strings.Split(strings.TrimSpace(string(values)), "\n"),
		"", "Y", "Y06", "lead", "12345678901234567890", strings.Repeat("0", ClickIDLength),
		"da39a3ee5e6b4b0d3255bfef95601890afd80709", // a SHA-1 of our length and alphabet
		"01939f5e-7b1a-7c3d-8e4f-5a6b7c8d9e0f", "01939F5E7B1A7C3D8E4F5A6B7C8D9E0F", "{clickid}",
		strings.Repeat("gclid", 400))
	for _, value := range foreign {
		if _, state := keys.Parse(value); state != ClickIDForeign {
			t.Errorf("%q is %s", value, state)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`).Draw(t, "uuid")
		if _, state := keys.Parse(value); state != ClickIDForeign {
			t.Fatalf("%q is %s", value, state)
		}
	})
}

func TestClickIDStatesHaveNames(t *testing.T) {
	t.Parallel()
	for state, want := range map[ClickIDState]string{
		ClickIDForeign: "foreign", ClickIDWhole: "whole", ClickIDDamaged: "damaged", ClickIDForged: "forged",
	} {
		if state.String() != want {
			t.Errorf("%d is called %q", state, state)
		}
	}
}

func FuzzClickIDParse(f *testing.F) {
	keys := testClickKeys(f)
	whole := keys.Encode(uuid.MustParse("01939f5e-7b1a-7c3d-8e4f-5a6b7c8d9e0f"))
	for _, seed := range []string{whole, strings.ToLower(whole), whole[:37], whole[3:], whole + "x", "é" + whole, "", "{click_id}", uuid.NewString()} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, state := keys.Parse(s)
		if (state == ClickIDWhole) != (id != uuid.Nil) {
			t.Fatalf("Parse(%q) = %s, %s", s, id, state)
		}
		if state != ClickIDWhole {
			return
		}
		canonical := strings.NewReplacer("I", "1", "L", "1", "O", "0").Replace(strings.ToUpper(s))
		if again := keys.Encode(id); again[1:37] != canonical[1:37] && s[0] == whole[0] {
			t.Fatalf("%q is taken for %q", s, again)
		}
	})
}
