package proofback

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// Salt is the secret of an entry that holds something back: 16 random bytes.
type Salt [16]byte

// Opening shows what an entry holds back. The entry has only a commitment: under
// the name of the value and "_sha256", the hash of a salt and the value. Whoever
// may see the value gets it with its salt, and can hash them; nobody else can find
// it by trying out amounts, and the salt of one value tells nothing of another's.
type Opening struct {
	Name  string // "amount", "payout", "revenue", "by_user" or "statement"
	Salt  Salt   // of this value alone
	Value string // a canonical object, "{}" where there is none
}

// commitmentSuffix tells a commitment from a value in an entry's keys.
const commitmentSuffix = "_sha256"

func (o *Opening) key() string { return o.Name + commitmentSuffix }

// Commitment is what the entry says of the value: the lower-case hexadecimal
// SHA-256 of the 16 bytes of salt and the value.
func (o *Opening) Commitment() string {
	h := hashSalted(o.Salt, o.Value)
	var text [2 * len(h)]byte
	return string(hex.AppendEncode(text[:0], h[:]))
}

// hashSalted is the hash of a salt and a text.
func hashSalted[T []byte | string](s Salt, text T) [sha256.Size]byte {
	var storage [128]byte // more than the value of an amount has
	return sha256.Sum256(append(append(storage[:0], s[:]...), text...))
}

// of is the salt of the value of a name.
func (s Salt) of(name string) Salt {
	h := hashSalted(s, name)
	return Salt(h[:len(s)])
}

// opening holds back a value, a canonical object, under a name.
func (s Salt) opening(name, value string) Opening {
	return Opening{Name: name, Salt: s.of(name), Value: value}
}

// hold tells what an entry says of a value that it holds back, a canonical object, as
// the Commitment of its opening.
func (f *fact) hold(key string, value []byte) {
	h := hashSalted(f.salt.of(strings.TrimSuffix(key, commitmentSuffix)), value)
	f.key(key)
	f.b = append(hex.AppendEncode(append(f.b, '"'), h[:]), '"')
}

func (f *fact) holdMoney(key string, m Money) {
	var storage [64]byte
	f.hold(key, appendMoneyObject(storage[:0], m))
}

// moneyObject is an amount as a canonical object.
func moneyObject(m Money) string {
	var storage [64]byte
	return string(appendMoneyObject(storage[:0], m))
}

func appendMoneyObject(b []byte, m Money) []byte {
	if m.IsZero() {
		return append(b, "{}"...)
	}
	b = appendJSONField(b, '{', "amount", m.Amount.Canonical())
	b = appendJSONField(b, ',', "currency", m.Currency)
	return append(b, '}')
}

// userObject is a user as a canonical object, where there is one.
func userObject(id uuid.UUID) string {
	if id == uuid.Nil {
		return "{}"
	}
	f := newFact()
	f.id("user_id", id)
	return string(f.canonical())
}

func (c *Conversion) openings(salt Salt) []Opening {
	return []Opening{
		salt.opening("amount", moneyObject(c.Amount)),
		salt.opening("payout", moneyObject(c.Payout)),
		salt.opening("revenue", moneyObject(c.Revenue)),
	}
}

// Openings shows a what of the entry it may see; c is not masked yet.
func (c *Conversion) Openings(salt Salt, a Actor) []Opening {
	masked := *c
	masked.MaskFor(a)
	shown := map[string]bool{
		"amount":  masked.Amount == c.Amount,
		"payout":  a.SeesPayout(),
		"revenue": a.SeesRevenue(),
	}
	return slices.DeleteFunc(c.openings(salt), func(o Opening) bool { return !shown[o.Name] })
}

func (t *Transition) openings(salt Salt) []Opening {
	return []Opening{salt.opening("by_user", userObject(t.ByUser))}
}

// Openings shows a what of the entry it may see.
func (t *Transition) Openings(salt Salt, a Actor) []Opening {
	if !a.IsStaff() {
		return nil
	}
	return t.openings(salt)
}
