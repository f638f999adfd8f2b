package proofback

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

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

// ledgerTime is RFC 3339 with exactly the microseconds that Postgres keeps.
const ledgerTime = "2006-01-02T15:04:05.000000Z"

// fact is what an entry says: keys with their values, each key once.
type fact []factField

type factField struct{ key, value string }

func (f *fact) set(key, value string) { *f = append(*f, factField{key, value}) }

func (f *fact) id(key string, id uuid.UUID) {
	if id != uuid.Nil {
		f.set(key, id.String())
	}
}

func (f *fact) text(key, s string) {
	if s != "" {
		f.set(key, s)
	}
}

func (f *fact) time(key string, t time.Time) {
	if !t.IsZero() {
		f.set(key, t.UTC().Truncate(time.Microsecond).Format(ledgerTime))
	}
}

func (f *fact) money(key string, m Money) {
	if !m.IsZero() {
		f.set(key, m.Amount.Canonical())
		f.set(key+"_currency", m.Currency)
	}
}

func (f *fact) price(key string, p Price) {
	f.set(key+"_model", string(p.Model))
	f.text(key+"_amount", p.Amount.Canonical())
	f.text(key+"_percent", p.Percent.Canonical())
	f.text(key+"_currency", p.Currency)
}

func (f fact) entry(kind EntryKind, id uuid.UUID, at time.Time) Entry {
	f.set("kind", string(kind))
	f.set("v", "1")
	return Entry{ID: id, Kind: kind, At: at.UTC().Truncate(time.Microsecond), Canonical: f.canonical()}
}

// salted is an entry that holds something back.
func (f fact) salted(kind EntryKind, id uuid.UUID, at time.Time, salt Salt, held []Opening) Entry {
	for i := range held {
		f.set(held[i].key(), held[i].Commitment())
	}
	e := f.entry(kind, id, at)
	e.Salt = salt
	return e
}

func (f fact) canonical() []byte {
	slices.SortFunc(f, func(a, b factField) int { return strings.Compare(a.key, b.key) })
	size := 2
	for _, field := range f {
		size += len(field.key) + len(field.value) + len(`"":"",`)
	}
	b := append(make([]byte, 0, size), '{')
	for i, field := range f {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSONString(b, field.key)
		b = append(b, ':')
		b = appendJSONString(b, field.value)
	}
	return append(b, '}')
}

// appendJSONString writes a string as RFC 8785 wants it: only what must be
// escaped is.
func appendJSONString(b []byte, s string) []byte {
	b = append(b, '"')
	plain := 0 // where what need not be escaped begins
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !mayNeedEscape[c] {
			continue
		}
		if c >= utf8.RuneSelf {
			if _, size := utf8.DecodeRuneInString(s[i:]); size > 1 {
				i += size - 1
				continue
			}
		}
		b = appendJSONEscape(append(b, s[plain:i]...), c)
		plain = i + 1
	}
	return append(append(b, s[plain:]...), '"')
}

// mayNeedEscape are the bytes that must be looked at.
var mayNeedEscape = func() (look [256]bool) {
	for c := range look {
		look[c] = c < 0x20 || c >= utf8.RuneSelf || c == '"' || c == '\\'
	}
	return look
}()

// appendJSONEscape writes a character that must be escaped; bytes that are no text
// become the replacement character.
func appendJSONEscape(b []byte, c byte) []byte {
	switch {
	case c >= utf8.RuneSelf:
		return append(b, "\uFFFD"...)
	case c == '"' || c == '\\':
		return append(b, '\\', c)
	}
	if i := strings.IndexByte("\b\t\n\f\r", c); i >= 0 {
		return append(b, '\\', "btnfr"[i])
	}
	const hex = "0123456789abcdef"
	return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// maxFactFields is more than any fact about a conversion has.
const maxFactFields = 24

// Entry tells the ledger that a conversion was made. What the affiliate earns, what
// the network does, and what the advertiser said of the amount are held back.
func (c *Conversion) Entry(salt Salt) Entry {
	f := make(fact, 0, maxFactFields)
	f.set("event_type", c.EventType)
	f.id("conversion_id", c.ID)
	f.id("advertiser_id", c.AdvertiserID)
	f.id("offer_id", c.OfferID)
	f.id("goal_id", c.GoalID)
	f.id("affiliate_id", c.AffiliateID)
	f.id("click_id", c.ClickID)
	f.id("terms_id", c.TermsID)
	f.id("postback_id", c.PostbackID)
	f.text("txid", c.TxID)
	f.time("event_at", c.EventAt)
	f.time("received_at", c.ReceivedAt)
	f.time("click_at", c.ClickAt)
	return f.salted(EntryConversion, c.ID, c.ReceivedAt, salt, c.openings(salt))
}

// Entry tells the ledger that a conversion moved. The reason is not in it: it
// may hold a person's words, which stay erasable; its transition row keeps them.
// Which person of the network it was is held back.
func (t *Transition) Entry(salt Salt) Entry {
	f := make(fact, 0, maxFactFields)
	f.set("to", t.To.Word())
	f.set("by", string(t.ByKind))
	f.id("transition_id", t.ID)
	f.id("conversion_id", t.ConversionID)
	f.text("from", t.From.Word())
	f.id("postback_id", t.PostbackID)
	f.time("at", t.At)
	return f.salted(EntryTransition, t.ID, t.At, salt, t.openings(salt))
}

// Entry tells the ledger of a version of an offer's terms: what it pays, and
// what its clicks must do to be paid.
func (t *Terms) Entry() Entry {
	f := fact{{"version", strconv.Itoa(t.Version)}, {"status", string(t.Status)}, {"access", string(t.Access)}}
	f.id("terms_id", t.ID)
	f.id("offer_id", t.OfferID)
	f.id("advertiser_id", t.AdvertiserID)
	f.time("at", t.CreatedAt)
	f.set("attribution_window_hours", strconv.Itoa(t.AttributionWindowHours))
	f.set("goals", canonicalList(t.Goals, func(g Goal) fact {
		gf := fact{{"event_type", g.EventType}, {"approval", string(g.Approval)}}
		gf.id("goal_id", g.ID)
		gf.price("payout", g.Payout)
		gf.price("revenue", g.Revenue)
		gf.money("minimum", g.MinimumAmount)
		gf.text("requires", g.Requires)
		gf.text("when_prerequisite_missing", string(g.WhenPrerequisiteMissing))
		gf.set("window_hours", strconv.Itoa(g.WindowHours))
		gf.set("dedupe_window_minutes", strconv.Itoa(g.DedupeWindowMinutes))
		gf.set("once_per_click", strconv.FormatBool(g.OncePerClick))
		gf.set("transaction_id_required", strconv.FormatBool(g.TransactionIDRequired))
		return gf
	}))
	f.set("caps", canonicalList(t.Caps, func(c Cap) fact {
		return fact{{"metric", string(c.Metric)}, {"period", string(c.Period)}, {"limit", c.Limit.Canonical()}}
	}))
	return f.entry(EntryTerms, t.ID, t.CreatedAt)
}

// Entry tells the ledger of an affiliate's own price.
func (o *PayoutOverride) Entry() Entry {
	f := fact{}
	f.id("payout_override_id", o.ID)
	f.id("affiliate_id", o.AffiliateID)
	f.id("offer_id", o.OfferID)
	f.id("goal_id", o.GoalID)
	f.price("payout", o.Payout)
	f.time("from", o.From)
	f.time("at", o.CreatedAt)
	return f.entry(EntryPayout, o.ID, o.CreatedAt)
}

// canonicalList is a list of facts as one string value: a JSON array of their
// canonical objects, in the list's own order.
func canonicalList[T any](list []T, tell func(T) fact) string {
	b := []byte{'['}
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, tell(v).canonical()...)
	}
	return string(append(b, ']'))
}
