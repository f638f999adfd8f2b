package proofback

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// EntryKind says what kind of fact a ledger entry records.
type EntryKind string

const (
	EntryConversion EntryKind = "conversion"
	EntryTransition EntryKind = "transition"
	EntryTerms      EntryKind = "terms"
	EntryPayout     EntryKind = "payout_override"
	EntryAdjustment EntryKind = "adjustment"
	EntryPeriod     EntryKind = "period_close"
	EntryStatement  EntryKind = "statement"
	// EntryClickCount moves no money by itself: it says how many clicks there were.
	EntryClickCount EntryKind = "click_count"
)

// Entry is a fact that moves money, as the ledger keeps it for good.
type Entry struct {
	ID   uuid.UUID // of the conversion, transition, terms, override, adjustment, period, statement or count
	Kind EntryKind
	At   time.Time
	// Canonical is the fact in the one form that is hashed: a JSON object with
	// string values only, keys in byte order, no white space (which makes it
	// RFC 8785 canonical JSON), left-out values absent. Ids are lower-case UUIDs,
	// times RFC 3339 in UTC with microseconds, numbers Decimal.Canonical. "kind"
	// and "v" (the version of this form) are always there. What not everybody who
	// may have the entry may see stands in it as a commitment (Opening).
	Canonical []byte
	// Salt makes what the canonical bytes only commit to (Sealed) unguessable.
	// Entries that hold nothing back have none.
	Salt Salt
}

// fact is what an entry says, on its way to canonical form: keys, in their order, with
// their values.
type fact struct {
	b    []byte
	last string      // key
	due  []factField // to be told where their keys stand among the others, in order
	kind EntryKind
	salt Salt
}

type factField struct{ key, value string }

// factRoom is what nearly all facts have room in.
const factRoom = 1 << 9

// newFact begins an object within an entry.
func newFact() fact { return factIn(factRoom) }

func factIn(room int) fact { return fact{b: append(make([]byte, 0, room), '{')} }

// newEntry begins an entry.
func newEntry(kind EntryKind) fact {
	f := newFact()
	f.kind = kind
	f.due = append(make([]factField, 0, 6), factField{"kind", string(kind)}, factField{"v", "1"})
	return f
}

// newSalted begins an entry that holds something back.
func newSalted(kind EntryKind, salt Salt, held []Opening) fact {
	f := newEntry(kind)
	f.salt = salt
	for i := range held {
		f.due = append(f.due, factField{held[i].key(), held[i].Commitment()})
	}
	slices.SortFunc(f.due, func(a, b factField) int { return strings.Compare(a.key, b.key) })
	return f
}

// key begins a value. Keys must come in their order.
func (f *fact) key(key string) {
	for len(f.due) > 0 && f.due[0].key < key {
		due := f.due[0]
		f.due = f.due[1:]
		f.set(due.key, due.value)
	}
	if len(f.b) > len("{") {
		if key <= f.last {
			panic("proofback: a fact tells " + key + " after " + f.last)
		}
		f.b = append(f.b, ',')
	}
	f.last = key
	f.b = append(appendJSONString(f.b, key), ':')
}

func (f *fact) set(key, value string) {
	f.key(key)
	f.b = appendJSONString(f.b, value)
}

func (f *fact) id(key string, id uuid.UUID) {
	if id != uuid.Nil {
		f.key(key)
		f.b = append(appendUUIDText(append(f.b, '"'), id), '"')
	}
}

func (f *fact) text(key, s string) {
	if s != "" {
		f.set(key, s)
	}
}

func (f *fact) time(key string, t time.Time) {
	if !t.IsZero() {
		f.key(key)
		f.b = append(appendLedgerTime(append(f.b, '"'), t), '"')
	}
}

func (f *fact) money(key string, m Money) {
	if !m.IsZero() {
		f.set(key, m.Amount.Canonical())
		f.set(key+"_currency", m.Currency)
	}
}

func (f *fact) price(key string, p Price) {
	f.text(key+"_amount", p.Amount.Canonical())
	f.text(key+"_currency", p.Currency)
	f.set(key+"_model", string(p.Model))
	f.text(key+"_percent", p.Percent.Canonical())
}

// canonical ends the object.
func (f *fact) canonical() []byte {
	for _, due := range f.due {
		f.due = nil
		f.set(due.key, due.value)
	}
	return append(f.b, '}')
}

// entry ends the entry.
func (f *fact) entry(id uuid.UUID, at time.Time) Entry {
	return Entry{ID: id, Kind: f.kind, At: at.UTC().Truncate(time.Microsecond), Canonical: f.canonical(), Salt: f.salt}
}

// appendUUIDText appends an id in lower case (RFC 9562, section 4).
func appendUUIDText(b []byte, id uuid.UUID) []byte {
	text := [36]byte{8: '-', 13: '-', 18: '-', 23: '-'}
	hex.Encode(text[:8], id[:4])
	hex.Encode(text[9:13], id[4:6])
	hex.Encode(text[14:18], id[6:8])
	hex.Encode(text[19:23], id[8:10])
	hex.Encode(text[24:], id[10:])
	return append(b, text[:]...)
}

// appendLedgerTime appends a time as RFC 3339 has it, in UTC with exactly the
// microseconds that Postgres keeps.
func appendLedgerTime(b []byte, t time.Time) []byte {
	b = t.UTC().AppendFormat(b, time.RFC3339)
	b[len(b)-1] = '.' // for the Z
	micros := t.Nanosecond() / 1000
	for unit := 100_000; unit > 0; unit /= 10 {
		b = append(b, '0'+byte(micros/unit%10))
	}
	return append(b, 'Z')
}

// Entry tells the ledger of a version of an offer's terms: what it pays, and
// what its clicks must do to be paid.
func (t *Terms) Entry() Entry {
	f := newEntry(EntryTerms)
	f.set("access", string(t.Access))
	f.id("advertiser_id", t.AdvertiserID)
	f.time("at", t.CreatedAt)
	f.set("attribution_window_hours", strconv.Itoa(t.AttributionWindowHours))
	f.set("caps", canonicalList(t.Caps, func(f *fact, c Cap) {
		f.set("limit", c.Limit.Canonical())
		f.set("metric", string(c.Metric))
		f.set("period", string(c.Period))
	}))
	f.set("goals", canonicalList(t.Goals, func(f *fact, g Goal) {
		f.set("approval", string(g.Approval))
		f.set("dedupe_window_minutes", strconv.Itoa(g.DedupeWindowMinutes))
		f.set("event_type", g.EventType)
		f.id("goal_id", g.ID)
		f.money("minimum", g.MinimumAmount)
		f.set("once_per_click", strconv.FormatBool(g.OncePerClick))
		f.price("payout", g.Payout)
		f.text("requires", g.Requires)
		f.price("revenue", g.Revenue)
		f.set("transaction_id_required", strconv.FormatBool(g.TransactionIDRequired))
		f.text("when_prerequisite_missing", string(g.WhenPrerequisiteMissing))
		f.set("window_hours", strconv.Itoa(g.WindowHours))
	}))
	f.id("offer_id", t.OfferID)
	f.set("status", string(t.Status))
	f.id("terms_id", t.ID)
	f.set("version", strconv.Itoa(t.Version))
	return f.entry(t.ID, t.CreatedAt)
}

// Entry tells the ledger of an affiliate's own price.
func (o *PayoutOverride) Entry() Entry {
	f := newEntry(EntryPayout)
	f.id("affiliate_id", o.AffiliateID)
	f.time("at", o.CreatedAt)
	f.time("from", o.From)
	f.id("goal_id", o.GoalID)
	f.id("offer_id", o.OfferID)
	f.text("payout_amount", o.Payout.Amount.Canonical())
	f.text("payout_currency", o.Payout.Currency)
	f.set("payout_model", string(o.Payout.Model))
	f.id("payout_override_id", o.ID) // stands amid the price
	f.text("payout_percent", o.Payout.Percent.Canonical())
	return f.entry(o.ID, o.CreatedAt)
}

// canonicalList is a list of facts as one string value: a JSON array of their
// canonical objects, in the list's own order.
func canonicalList[T any](list []T, tell func(*fact, T)) string {
	b := []byte{'['}
	for i, v := range list {
		f := newFact()
		tell(&f, v)
		b = append(appendComma(b, i), f.canonical()...)
	}
	return string(append(b, ']'))
}
