package proofback

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
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
	h := sha256.Sum256(append(o.Salt[:], o.Value...))
	return hex.EncodeToString(h[:])
}

// opening holds back f under a name.
func (s Salt) opening(name string, f fact) Opening {
	h := sha256.Sum256(append(s[:], name...))
	return Opening{Name: name, Salt: Salt(h[:len(s)]), Value: string(f.canonical())}
}

func moneyFact(m Money) fact {
	if m.IsZero() {
		return nil
	}
	return fact{{"amount", m.Amount.Canonical()}, {"currency", m.Currency}}
}

func (c *Conversion) openings(salt Salt) []Opening {
	return []Opening{
		salt.opening("amount", moneyFact(c.Amount)),
		salt.opening("payout", moneyFact(c.Payout)),
		salt.opening("revenue", moneyFact(c.Revenue)),
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
	var by fact
	by.id("user_id", t.ByUser)
	return []Opening{salt.opening("by_user", by)}
}

// Openings shows a what of the entry it may see.
func (t *Transition) Openings(salt Salt, a Actor) []Opening {
	if !a.IsStaff() {
		return nil
	}
	return t.openings(salt)
}
