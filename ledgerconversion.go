package proofback

import (
	"bytes"
	"time"

	"github.com/google/uuid"
)

// A conversion and the move that it begins with are one entry of version 2. Until then
// they were two, of version 1, which stay in the ledger as they are. Later moves have
// entries of their own in both.

// conversionRoom is what nearly all entries of conversions have room in.
const conversionRoom = 1 << 10

// lastOfV2 is how an entry of version 2 ends: no key comes after "v".
const lastOfV2 = `"v":"2"}`

// TellsFirstMove reports whether an entry of a conversion, in its canonical bytes, has
// its first move in it.
func TellsFirstMove(canonical []byte) bool { return bytes.HasSuffix(canonical, []byte(lastOfV2)) }

// Entry tells the ledger that a conversion was made, and with which move it began (nil
// leaves that out; no such entry is sealed). What the affiliate earns, what the network
// does, and what the advertiser said of the amount are held back, also where there is
// none, so that nobody learns that who may not see it. The reason of the move is not in
// it, as in those of later ones.
//
// What follows from the rest is left out: the time of the click where it is that in the
// click's id (UUIDTime), the time of the event and that of the move where they are when
// the request came, and the move's request where it is the conversion's.
func (c *Conversion) Entry(first *Transition, salt Salt) Entry {
	f := factIn(conversionRoom)
	f.kind, f.salt = EntryConversion, salt
	f.id("advertiser_id", c.AdvertiserID)
	f.id("affiliate_id", c.AffiliateID)
	f.holdMoney("amount_sha256", c.Amount)
	if first != nil {
		f.timeUnless("at", first.At, c.ReceivedAt)
		f.set("by", string(first.ByKind))
		if first.ByUser != uuid.Nil {
			f.hold("by_user_sha256", []byte(userObject(first.ByUser)))
		}
	}
	f.timeUnless("click_at", c.ClickAt, UUIDTime(c.ClickID))
	f.id("click_id", c.ClickID)
	f.id("conversion_id", c.ID)
	f.timeUnless("event_at", c.EventAt, c.ReceivedAt)
	f.set("event_type", c.EventType)
	f.id("goal_id", c.GoalID)
	f.set("kind", string(EntryConversion))
	f.id("offer_id", c.OfferID)
	f.holdMoney("payout_sha256", c.Payout)
	f.id("postback_id", c.PostbackID)
	f.time("received_at", c.ReceivedAt)
	f.holdMoney("revenue_sha256", c.Revenue)
	f.id("terms_id", c.TermsID)
	if first != nil {
		f.set("to", first.To.Word())
		f.id("transition_id", first.ID)
		if first.PostbackID == uuid.Nil {
			f.set("transition_postback_id", "")
		} else if first.PostbackID != c.PostbackID {
			f.id("transition_postback_id", first.PostbackID)
		}
	}
	f.text("txid", c.TxID)
	f.set("v", "2")
	return f.entry(c.ID, c.ReceivedAt)
}

// EntryV1 is the entry of a conversion whose first move has one of its own.
func (c *Conversion) EntryV1(salt Salt) Entry {
	f := newSalted(EntryConversion, salt, c.openings(salt))
	f.id("advertiser_id", c.AdvertiserID)
	f.id("affiliate_id", c.AffiliateID)
	f.time("click_at", c.ClickAt)
	f.id("click_id", c.ClickID)
	f.id("conversion_id", c.ID)
	f.time("event_at", c.EventAt)
	f.set("event_type", c.EventType)
	f.id("goal_id", c.GoalID)
	f.id("offer_id", c.OfferID)
	f.id("postback_id", c.PostbackID)
	f.time("received_at", c.ReceivedAt)
	f.id("terms_id", c.TermsID)
	f.text("txid", c.TxID)
	return f.entry(c.ID, c.ReceivedAt)
}

// Entry tells the ledger that a conversion moved. The reason is not in it: it
// may hold a person's words, which stay erasable; its transition row keeps them.
// Which person of the network it was is held back.
func (t *Transition) Entry(salt Salt) Entry {
	f := newSalted(EntryTransition, salt, t.openings(salt))
	f.time("at", t.At)
	f.set("by", string(t.ByKind))
	f.id("conversion_id", t.ConversionID)
	f.text("from", t.From.Word())
	f.id("postback_id", t.PostbackID)
	f.set("to", t.To.Word())
	f.id("transition_id", t.ID)
	return f.entry(t.ID, t.At)
}

// complete puts back the times that the entry of a conversion leaves out, since they
// follow from the rest.
func (f Fact) complete() {
	if f["kind"] != string(EntryConversion) || f["v"] != "2" {
		return
	}
	orElse := func(key, value string) {
		if _, told := f[key]; !told {
			f[key] = value
		}
	}
	orElse("at", f["received_at"])
	orElse("event_at", f["received_at"])
	if click, err := uuid.Parse(f["click_id"]); err == nil {
		orElse("click_at", string(appendLedgerTime(nil, UUIDTime(click))))
	}
}

// timeUnless tells a time unless it is one that is known, to the microsecond, as Postgres
// keeps times.
func (f *fact) timeUnless(key string, t, known time.Time) {
	if t.UnixMicro() != known.UnixMicro() {
		f.time(key, t)
	}
}
