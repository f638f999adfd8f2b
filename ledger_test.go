package proofback

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// What was written once must be hashed to the same bytes for ever.
func TestLedgerEntriesKeepTheirCanonicalBytes(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 10, 13, 0, 0, 123456789, time.FixedZone("", 3600))
	conversion := &Conversion{
		ID: id(1), AdvertiserID: id(2), OfferID: id(3), GoalID: id(4), AffiliateID: id(5), ClickID: id(6), TermsID: id(7),
		PostbackID: id(8), EventType: "sale", TxID: "a\"b\\\n\x01é", EventAt: at, ReceivedAt: at, ClickAt: at,
		Amount: Money{"100.10", "EUR"}, Payout: Money{"10.00", "EUR"},
	}
	salt := Salt{1, 2, 3}
	for _, tt := range []struct {
		entry Entry
		want  string
	}{
		{
			conversion.EntryV1(salt),
			`{"advertiser_id":"01000000-0000-7000-8000-000000000002","affiliate_id":"01000000-0000-7000-8000-000000000005",` +
				`"amount_sha256":"d60f8672c24bafe56ff478755c8b83aad30ffb32dbe8b3b941d1729085fab2a0","click_at":"2026-03-10T12:00:00.123456Z","click_id":"01000000-0000-7000-8000-000000000006",` +
				`"conversion_id":"01000000-0000-7000-8000-000000000001","event_at":"2026-03-10T12:00:00.123456Z","event_type":"sale",` +
				`"goal_id":"01000000-0000-7000-8000-000000000004","kind":"conversion","offer_id":"01000000-0000-7000-8000-000000000003",` +
				`"payout_sha256":"09b6efb3bcf5c7446a42415fece4d1418dfeb1754314eb4625855b5d546db83e","postback_id":"01000000-0000-7000-8000-000000000008",` +
				`"received_at":"2026-03-10T12:00:00.123456Z","revenue_sha256":"42ca05c7a0f84bf68b48f9fbdfd0f371326d87aa7620d6c22462403615103817","terms_id":"01000000-0000-7000-8000-000000000007","txid":"a\"b\\\n\u0001é","v":"1"}`,
		},
		{
			(&Transition{ID: id(1), ConversionID: id(2), From: StatusPending, To: StatusApproved, At: at, ByKind: ByUser, ByUser: id(3), Reason: "kept out"}).Entry(salt),
			`{"at":"2026-03-10T12:00:00.123456Z","by":"USER","by_user_sha256":"74e4be237d7aaaab64adf32b89df23814ba13f1d38bb01c2a270d8acc9670ff0",` +
				`"conversion_id":"01000000-0000-7000-8000-000000000002","from":"pending","kind":"transition","to":"approved",` +
				`"transition_id":"01000000-0000-7000-8000-000000000001","v":"1"}`,
		},
		{
			(&PayoutOverride{ID: id(1), AffiliateID: id(2), OfferID: id(3), GoalID: id(4), Payout: Price{Model: PricePercent, Percent: "12.50"}, From: at, CreatedAt: at}).Entry(),
			`{"affiliate_id":"01000000-0000-7000-8000-000000000002","at":"2026-03-10T12:00:00.123456Z","from":"2026-03-10T12:00:00.123456Z",` +
				`"goal_id":"01000000-0000-7000-8000-000000000004","kind":"payout_override","offer_id":"01000000-0000-7000-8000-000000000003",` +
				`"payout_model":"PERCENT","payout_override_id":"01000000-0000-7000-8000-000000000001","payout_percent":"12.5","v":"1"}`,
		},
		{
			(&Terms{
				ID: id(1), OfferID: id(2), AdvertiserID: id(3), Version: 2, CreatedAt: at, Status: OfferActive, Access: OfferPublic, AttributionWindowHours: 24,
				Goals: []Goal{{ID: id(4), EventType: "lead", Payout: Price{Model: PriceFixed, Amount: "1.50", Currency: "EUR"}, Revenue: Price{Model: PricePostback}, Approval: ApprovalAuto, MinimumAmount: Money{"5", "EUR"}}},
				Caps:  []Cap{{CapConversions, CapDaily, "100"}},
			}).Entry(),
			`{"access":"PUBLIC","advertiser_id":"01000000-0000-7000-8000-000000000003","at":"2026-03-10T12:00:00.123456Z","attribution_window_hours":"24",` +
				`"caps":"[{\"limit\":\"100\",\"metric\":\"CONVERSIONS\",\"period\":\"DAILY\"}]",` +
				`"goals":"[{\"approval\":\"AUTO\",\"dedupe_window_minutes\":\"0\",\"event_type\":\"lead\",\"goal_id\":\"01000000-0000-7000-8000-000000000004\",` +
				`\"minimum\":\"5\",\"minimum_currency\":\"EUR\",\"once_per_click\":\"false\",\"payout_amount\":\"1.5\",\"payout_currency\":\"EUR\",\"payout_model\":\"FIXED\",` +
				`\"revenue_model\":\"POSTBACK\",\"transaction_id_required\":\"false\",\"window_hours\":\"0\"}]",` +
				`"kind":"terms","offer_id":"01000000-0000-7000-8000-000000000002","status":"ACTIVE","terms_id":"01000000-0000-7000-8000-000000000001","v":"1","version":"2"}`,
		},
	} {
		if got := string(tt.entry.Canonical); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.entry.Kind, got, tt.want)
		}
		if tt.entry.ID != id(1) || tt.entry.At.Nanosecond() != 123456000 || tt.entry.At.Location() != time.UTC {
			t.Errorf("%+v", tt.entry)
		}
	}
}

func TestCanonicalBytesAreJSONOfTheSameStrings(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ -~\n\x01]{0,40}`))
		told := rapid.MapOf(text, text).Draw(t, "fact")
		f := newFact()
		for _, k := range slices.Sorted(maps.Keys(told)) {
			f.set(k, told[k])
		}
		canonical := f.canonical()
		var back map[string]string
		if err := json.Unmarshal(canonical, &back); err != nil {
			t.Fatalf("%s: %v", canonical, err)
		}
		if want := sortedObject(told); string(canonical) != want {
			t.Fatalf("got %s, want %s", canonical, want)
		}
		if len(back) != len(told) {
			t.Fatalf("%d strings became %d", len(told), len(back))
		}
		for k, v := range told {
			if back[k] != v {
				t.Errorf("%q: %q became %q", k, v, back[k])
			}
		}
	})
}

// sortedObject is the canonical object of valid texts, made in the plainest way.
func sortedObject(told map[string]string) string {
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(told)) {
		pairs = append(pairs, plainJSON(key)+":"+plainJSON(told[key]))
	}
	return "{" + strings.Join(pairs, ",") + "}"
}

// plainJSON is a text as RFC 8785, section 3.2.2.2, writes it, one character after the
// other.
func plainJSON(s string) string {
	short := map[rune]string{'\b': `\b`, '\t': `\t`, '\n': `\n`, '\f': `\f`, '\r': `\r`, '"': `\"`, '\\': `\\`}
	var out strings.Builder
	for _, r := range s {
		if escape, ok := short[r]; ok {
			out.WriteString(escape)
		} else if r < ' ' {
			fmt.Fprintf(&out, `\u%04x`, r)
		} else {
			out.WriteRune(r)
		}
	}
	return `"` + out.String() + `"`
}

func TestLeftOutIdsAreAbsent(t *testing.T) {
	t.Parallel()
	f := newFact()
	f.id("a", uuid.Nil)
	f.time("b", time.Time{})
	f.money("c", Money{})
	f.text("d", "")
	if got := string(f.canonical()); got != "{}" {
		t.Error(got)
	}
}
