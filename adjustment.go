package proofback

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// AdjustmentKind says what an adjustment changes.
type AdjustmentKind string

const (
	// AdjustmentStatus books that a conversion of a closed month moved, or came.
	AdjustmentStatus AdjustmentKind = "STATUS"
	// AdjustmentAmount books that staff corrected what a conversion is worth.
	AdjustmentAmount AdjustmentKind = "AMOUNT"
)

// Adjustment is a line of the books beside the conversions themselves. Lines are
// added, never changed.
//
// One of kind STATUS takes its amounts out of From and puts them into To. A
// conversion that was corrected moves as several: its own line, and one for each
// correction (Of), so that what is taken out is to the last minor unit what was
// put in, in every currency.
//
// One of kind AMOUNT adds its amounts, which may be negative, to what the
// conversion is worth, and to the sale that it came of. While its month is open it goes with the conversion
// (Settled is not set, To is where the conversion stood); after that it counts in
// To for good, on the day it is booked.
type Adjustment struct {
	ID           uuid.UUID
	ConversionID uuid.UUID
	AdvertiserID uuid.UUID
	AffiliateID  uuid.UUID
	Kind         AdjustmentKind
	From, To     Status // From is "" for a conversion that came late, and for AMOUNT
	Payout       Money
	Revenue      Money
	// Amount is what the customer's sale turned out to be more or less, for AMOUNT.
	// AmountIsRevenue says that it tells the revenue.
	Amount          Money
	AmountIsRevenue bool
	// Settled says that the conversion's month was closed by then.
	Settled      bool
	BookedAt     time.Time // decides the period
	At           time.Time // when it was made
	ByKind       ActorKind
	ByUser       uuid.UUID // set for ByUser
	ByEmail      string    // that user's address; it is filled in when staff read
	Reason       string
	TransitionID uuid.UUID // the move that it books, for STATUS
	Of           uuid.UUID // the correction that moves with it, if any
	Item         ReconciledItem
}

// ReconciledItem names an item of a reconciliation; zero for none.
type ReconciledItem struct {
	Reconciliation uuid.UUID
	N              int64
}

// Counts reports whether the conversion itself moves with it, and not only money.
func (a *Adjustment) Counts() bool { return a.Kind == AdjustmentStatus && a.Of == uuid.Nil }

// SettledMove books a move of a conversion whose month is closed: the conversion
// as it was priced, and each of its corrections so far. newID makes keys.
func SettledMove(t *Transition, c *Conversion, corrections []Adjustment, bookedAt time.Time, newID func() uuid.UUID) []Adjustment {
	line := Adjustment{
		ConversionID: c.ID,
		AdvertiserID: c.AdvertiserID,
		AffiliateID:  c.AffiliateID,
		Kind:         AdjustmentStatus,
		From:         t.From,
		To:           t.To,
		Payout:       c.Payout,
		Revenue:      c.Revenue,
		Settled:      true,
		BookedAt:     bookedAt,
		At:           t.At,
		ByKind:       t.ByKind,
		ByUser:       t.ByUser,
		Reason:       t.Reason,
		TransitionID: t.ID,
	}
	line.ID = newID()
	lines := []Adjustment{line}
	for _, k := range corrections {
		if k.Payout.IsZero() && k.Revenue.IsZero() {
			continue // it corrected the sale alone
		}
		line.ID, line.Of, line.Payout, line.Revenue = newID(), k.ID, k.Payout, k.Revenue
		lines = append(lines, line)
	}
	return lines
}

// MaskFor takes out of a the money that is not the actor's to see, and which person
// of the network it was.
func (a *Adjustment) MaskFor(actor Actor) {
	if !actor.SeesRevenue() {
		a.Revenue = Money{}
	}
	if !a.showsAmount(actor) {
		a.Amount = Money{}
	}
	if !actor.SeesPayout() {
		a.Payout = Money{}
	}
	if !actor.IsStaff() {
		a.ByUser, a.ByEmail = uuid.Nil, ""
	}
}

// showsAmount reports whether the sale is the actor's to see.
func (a *Adjustment) showsAmount(actor Actor) bool { return actor.SeesRevenue() || !a.AmountIsRevenue }

// ShownTo reports whether the adjustment is the actor's to know of: a correction of
// revenue alone is nothing to an affiliate, nor one of payout to an advertiser.
func (a *Adjustment) ShownTo(actor Actor) bool {
	return a.Kind == AdjustmentStatus || actor.SeesPayout() && !a.Payout.IsZero() || actor.SeesRevenue() && !a.Revenue.IsZero() ||
		a.showsAmount(actor) && !a.Amount.IsZero()
}

// Entry tells the ledger of an adjustment. The reason is not in it: it may hold a
// person's words. What it is about in money, and which person of the network it was,
// is held back.
func (a *Adjustment) Entry(salt Salt) Entry {
	f := newSalted(EntryAdjustment, salt, a.openings(salt))
	f.set("adjustment", string(a.Kind))
	f.id("adjustment_id", a.ID)
	f.id("advertiser_id", a.AdvertiserID)
	f.id("affiliate_id", a.AffiliateID)
	f.time("at", a.At)
	f.time("booked_at", a.BookedAt)
	f.set("by", string(a.ByKind))
	f.id("conversion_id", a.ConversionID)
	f.text("from", a.From.Word())
	f.id("of", a.Of)
	f.set("to", a.To.Word())
	f.id("transition_id", a.TransitionID)
	return f.entry(a.ID, a.At)
}

func (a *Adjustment) openings(salt Salt) []Opening {
	list := []Opening{
		salt.opening("payout", moneyObject(a.Payout)),
		salt.opening("revenue", moneyObject(a.Revenue)),
		salt.opening("by_user", userObject(a.ByUser)),
	}
	if !a.Amount.IsZero() {
		list = append(list, salt.opening("amount", moneyObject(a.Amount)))
	}
	return list
}

// Openings shows an actor what of the entry it may see.
func (a *Adjustment) Openings(salt Salt, actor Actor) []Opening {
	shown := map[string]bool{"amount": a.showsAmount(actor), "payout": actor.SeesPayout(), "revenue": actor.SeesRevenue(), "by_user": actor.IsStaff()}
	return slices.DeleteFunc(a.openings(salt), func(o Opening) bool { return !shown[o.Name] })
}

// Corrected is one side of a conversion with its corrections: its payout, its revenue or
// the sale that it is about.
func Corrected(original Money, adjustments []*Adjustment, side func(*Adjustment) Money) Money {
	for _, a := range adjustments {
		if m := side(a); a.Kind == AdjustmentAmount && !m.IsZero() {
			original.Amount = original.Amount.Add(m.Amount)
		}
	}
	return original
}

// summary tells of an adjustment in one sentence.
func (a *Adjustment) summary(event string) string {
	var worth []string
	for _, side := range [...]struct {
		name string
		Money
	}{{"amount", a.Amount}, {"payout", a.Payout}, {"revenue", a.Revenue}} {
		if !side.IsZero() {
			worth = append(worth, fmt.Sprintf("%s %s %s", side.name, side.Amount, side.Currency))
		}
	}
	what := "the move of " + event + " is"
	if a.Kind == AdjustmentAmount {
		what = event + " is worth more or less by " + strings.Join(worth, ", ") + ": " + a.Reason
		if !a.Settled {
			return what
		}
		return what + "; its month is closed, so that is booked in " + MonthName(a.BookedAt)
	}
	s := what + " booked in " + MonthName(a.BookedAt) + ", because its month is closed"
	if len(worth) > 0 {
		s += ": " + strings.Join(worth, ", ")
	}
	return s
}
