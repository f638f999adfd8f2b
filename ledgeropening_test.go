package proofback

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// What an affiliate or an auditor is told of a value can be held against the entry
// with nothing but SHA-256, and nobody is shown what they may not see.
func TestEntriesOpenForThoseWhoMaySee(t *testing.T) {
	t.Parallel()
	salt := Salt{7}
	c := &Conversion{ID: id(1), Amount: Money{"100.10", "EUR"}, Payout: Money{"10.00", "EUR"}, Revenue: Money{"12", "USD"}}
	gross := *c
	gross.AmountIsRevenue = true
	moved, began := &Transition{ID: id(1), ByUser: id(3)}, &Transition{ID: id(2), To: StatusPending, ByKind: ByRule}
	for _, tt := range []struct {
		name  string
		entry Entry
		shown []Opening
		want  map[string]string
	}{
		{"staff", c.Entry(began, salt), c.Openings(salt, Actor{Role: RoleAdmin}), map[string]string{
			"amount": `{"amount":"100.1","currency":"EUR"}`, "payout": `{"amount":"10","currency":"EUR"}`, "revenue": `{"amount":"12","currency":"USD"}`,
		}},
		{"affiliate", c.Entry(began, salt), c.Openings(salt, Actor{Role: RoleAffiliate}), map[string]string{
			"amount": `{"amount":"100.1","currency":"EUR"}`, "payout": `{"amount":"10","currency":"EUR"}`,
		}},
		{"affiliate where the amount is the revenue", gross.Entry(began, salt), gross.Openings(salt, Actor{Role: RoleAffiliate}), map[string]string{
			"payout": `{"amount":"10","currency":"EUR"}`,
		}},
		{"advertiser", c.Entry(began, salt), c.Openings(salt, Actor{Role: RoleAdvertiser}), map[string]string{
			"amount": `{"amount":"100.1","currency":"EUR"}`, "revenue": `{"amount":"12","currency":"USD"}`,
		}},
		{"affiliate of version 1", c.EntryV1(salt), c.Openings(salt, Actor{Role: RoleAffiliate}), map[string]string{
			"amount": `{"amount":"100.1","currency":"EUR"}`, "payout": `{"amount":"10","currency":"EUR"}`,
		}},
		{"staff of a move", moved.Entry(salt), moved.Openings(salt, Actor{Role: RoleAdmin}), map[string]string{
			"by_user": `{"user_id":"01000000-0000-7000-8000-000000000003"}`,
		}},
		{"affiliate of a move", moved.Entry(salt), moved.Openings(salt, Actor{Role: RoleAffiliate}), map[string]string{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var entry map[string]string
			if err := json.Unmarshal(tt.entry.Canonical, &entry); err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, o := range tt.shown {
				got[o.Name] = o.Value
				h := sha256.New()
				h.Write(o.Salt[:])
				h.Write([]byte(o.Value))
				if hex.EncodeToString(h.Sum(nil)) != entry[o.Name+"_sha256"] {
					t.Errorf("%s does not open to %s", o.Name, o.Value)
				}
			}
			if !maps.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// A salt that was shown must not help to try out the values that were not.
func TestEachValueHasASaltOfItsOwn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		salt := Salt(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "salt"))
		list := (&Conversion{Payout: Money{"1", "EUR"}, Revenue: Money{"1", "EUR"}}).openings(salt)
		salts := []Salt{salt}
		commitments := []string{}
		for _, o := range list {
			if slices.Contains(salts, o.Salt) || slices.Contains(commitments, o.Commitment()) {
				t.Fatalf("%s shares its salt or its commitment", o.Name)
			}
			salts, commitments = append(salts, o.Salt), append(commitments, o.Commitment())
		}
	})
}
