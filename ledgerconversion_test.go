package proofback

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// soldAt is a sale as nearly all are: told without a time of its own, of a click whose id
// has its time, and moved by the request that made it.
func soldAt(at time.Time) (*Conversion, *Transition) {
	click := UUIDFloor(at.Add(-time.Hour))
	c := &Conversion{
		ID: id(1), AdvertiserID: id(2), OfferID: id(3), GoalID: id(4), AffiliateID: id(5), ClickID: click, TermsID: id(7),
		PostbackID: id(8), EventType: "sale", TxID: "A-10293847", EventAt: at, ReceivedAt: at, ClickAt: UUIDTime(click),
		Amount: Money{"100.10", "EUR"}, Payout: Money{"10.00", "EUR"},
	}
	return c, &Transition{ID: id(9), ConversionID: c.ID, To: StatusApproved, At: at, ByKind: ByRule, Reason: "kept out", PostbackID: c.PostbackID}
}

// The bytes of version 2, without what follows from the rest, and with all of it.
func TestAConversionAndItsFirstMoveAreOneEntry(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 10, 13, 0, 0, 123456789, time.FixedZone("", 3600))
	usual, began := soldAt(at)
	special, other := *usual, *began
	special.ClickAt, special.EventAt, special.TxID = at.Add(-time.Minute), at.Add(-time.Second), ""
	other.At, other.ByUser, other.PostbackID = at.Add(time.Microsecond), id(3), id(6)
	none := *began
	none.PostbackID = uuid.Nil
	const ids, money = `"advertiser_id":"01000000-0000-7000-8000-000000000002","affiliate_id":"01000000-0000-7000-8000-000000000005",`,
		`"amount_sha256":"d60f8672c24bafe56ff478755c8b83aad30ffb32dbe8b3b941d1729085fab2a0",`
	const click = `"click_id":"019cd767-57fb-7000-8000-000000000000","conversion_id":"01000000-0000-7000-8000-000000000001",`
	const offer = `"event_type":"sale","goal_id":"01000000-0000-7000-8000-000000000004","kind":"conversion","offer_id":"01000000-0000-7000-8000-000000000003",` +
		`"payout_sha256":"09b6efb3bcf5c7446a42415fece4d1418dfeb1754314eb4625855b5d546db83e","postback_id":"01000000-0000-7000-8000-000000000008",` +
		`"received_at":"2026-03-10T12:00:00.123456Z","revenue_sha256":"42ca05c7a0f84bf68b48f9fbdfd0f371326d87aa7620d6c22462403615103817",` +
		`"terms_id":"01000000-0000-7000-8000-000000000007",`
	const move = `"to":"approved","transition_id":"01000000-0000-7000-8000-000000000009",`
	for _, tt := range []struct {
		name  string
		entry Entry
		want  string
	}{
		{"usual", usual.Entry(began, Salt{1, 2, 3}), `{` + ids + money + `"by":"RULE",` + click + offer + move + `"txid":"A-10293847","v":"2"}`},
		{"all of it", special.Entry(&other, Salt{1, 2, 3}), `{` + ids + money + `"at":"2026-03-10T12:00:00.123457Z","by":"RULE",` +
			`"by_user_sha256":"74e4be237d7aaaab64adf32b89df23814ba13f1d38bb01c2a270d8acc9670ff0","click_at":"2026-03-10T11:59:00.123456Z",` +
			click + `"event_at":"2026-03-10T11:59:59.123456Z",` + offer + move + `"transition_postback_id":"01000000-0000-7000-8000-000000000006","v":"2"}`},
		{"a move of no request", usual.Entry(&none, Salt{1, 2, 3}), `{` + ids + money + `"by":"RULE",` + click + offer + move + `"transition_postback_id":"","txid":"A-10293847","v":"2"}`},
		{"no move", usual.Entry(nil, Salt{1, 2, 3}), `{` + ids + money + click + offer + `"txid":"A-10293847","v":"2"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := string(tt.entry.Canonical); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			if e := tt.entry; e.ID != id(1) || e.Kind != EntryConversion || !e.At.Equal(at.Truncate(time.Microsecond)) || e.Salt != (Salt{1, 2, 3}) || !TellsFirstMove(e.Canonical) {
				t.Errorf("%+v", e)
			}
		})
	}
	if TellsFirstMove(usual.EntryV1(Salt{}).Canonical) {
		t.Error("an entry of version 1 is taken for one of version 2")
	}
}

// An entry tells exactly the rows: whatever of them is another makes it another, and what
// the proof of it says is all that both entries of version 1 say.
func TestAnEntryTellsExactlyTheConversionAndItsFirstMove(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, m := drawnSale(t)
		salt := Salt(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "salt"))
		one := factOf(t, c.Entry(m, salt))
		two := factOf(t, c.EntryV1(salt))
		for key, value := range factOf(t, m.Entry(salt)) {
			if key == "kind" || key == "postback_id" || key == "by_user_sha256" && m.ByUser == uuid.Nil {
				continue
			}
			two[key] = value
		}
		if told, ok := one["transition_postback_id"]; ok && told == c.PostbackID.String() || !ok && m.PostbackID != c.PostbackID {
			t.Errorf("the move's request is told as %q, %t", told, ok)
		} else if ok && told != "" && told != m.PostbackID.String() || ok && (told == "") != (m.PostbackID == uuid.Nil) {
			t.Errorf("the move's request is told as %q", told)
		}
		delete(one, "transition_postback_id")
		two["v"] = "2"
		if fmt.Sprint(one) != fmt.Sprint(two) {
			t.Errorf("one entry says\n%v\ntwo say\n%v", one, two)
		}
	})
}

// drawnSale draws a conversion and its first move from few values, so that they meet.
func drawnSale(t *rapid.T) (*Conversion, *Transition) {
	moment := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	ids := rapid.SampledFrom([]uuid.UUID{UUIDFloor(moment), UUIDFloor(moment.Add(time.Millisecond)), id(1)})
	times := rapid.Map(rapid.SampledFrom([]time.Duration{0, 999, time.Microsecond, time.Millisecond, time.Hour}), moment.Add)
	amounts := rapid.SampledFrom([]Money{{}, {"0", "EUR"}, {"1.50", "EUR"}, {"123456789012345678901.5", "JPY"}})
	c := &Conversion{
		ID: ids.Draw(t, "id"), AdvertiserID: ids.Draw(t, "advertiser"), OfferID: ids.Draw(t, "offer"), GoalID: ids.Draw(t, "goal"),
		AffiliateID: ids.Draw(t, "affiliate"), ClickID: ids.Draw(t, "click"), TermsID: ids.Draw(t, "terms"), PostbackID: ids.Draw(t, "postback"),
		EventType: rapid.String().Draw(t, "type"), TxID: rapid.SampledFrom([]string{"", "1", `","v":"1"}`, `"v":"2"}`}).Draw(t, "txid"),
		EventAt: times.Draw(t, "event"), ReceivedAt: times.Draw(t, "received"), ClickAt: times.Draw(t, "clicked"),
		Amount: amounts.Draw(t, "amount"), Payout: amounts.Draw(t, "payout"), Revenue: amounts.Draw(t, "revenue"),
	}
	maybe := rapid.OneOf(ids, rapid.Just(uuid.Nil))
	return c, &Transition{
		ID: ids.Draw(t, "move"), ConversionID: c.ID, To: rapid.SampledFrom([]Status{StatusPending, StatusApproved, StatusRejected}).Draw(t, "to"),
		At: times.Draw(t, "at"), ByKind: rapid.SampledFrom([]ActorKind{ByPostback, ByRule, ByUser, BySystem}).Draw(t, "by"),
		ByUser: maybe.Draw(t, "user"), PostbackID: maybe.Draw(t, "cause"),
	}
}

// factOf is what an entry says, with what it leaves out, its commitments as they are.
func factOf(t *rapid.T, e Entry) Fact {
	var f Fact
	if err := json.Unmarshal(e.Canonical, &f); err != nil {
		t.Fatalf("%s: %v", e.Canonical, err)
	}
	if want := sortedObject(f); string(e.Canonical) != want {
		t.Fatalf("%s is not canonical: %s", e.Canonical, want)
	}
	f.complete()
	return f
}

// BenchmarkEntry is what the ledger is told of a new conversion: one entry, and as two.
func BenchmarkEntry(b *testing.B) {
	c, began := soldAt(time.Date(2026, 3, 10, 13, 0, 0, 123456789, time.UTC))
	c.Revenue = Money{"20.00", "EUR"}
	told := 0
	for _, bench := range []struct {
		name string
		tell func()
	}{
		{"v2", func() { told = len(c.Entry(began, Salt{1}).Canonical) }},
		{"v1", func() { told = len(c.EntryV1(Salt{1}).Canonical) + len(began.Entry(Salt{2}).Canonical) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bench.tell()
			}
			b.ReportMetric(float64(told), "bytes")
		})
	}
}
