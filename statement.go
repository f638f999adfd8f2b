package proofback

import (
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Statement is what an affiliate earned in a month, with what was booked in it about
// earlier months. It is made once the month is closed, and never changed: what comes
// later is a line of the next one.
type Statement struct {
	ID          uuid.UUID
	PeriodID    uuid.UUID
	AffiliateID uuid.UUID
	// TimeRange is the month's.
	TimeRange
	Currency string
	Opening  Decimal // carried from the statement before
	Earned   Decimal // the sum of the lines of kind CONVERSION
	Adjusted Decimal // the sum of all other lines
	Payable  Decimal // to be paid out; 0 while the balance is below the minimum
	Carried  Decimal // to the next statement, negative when the affiliate owes
	Minimum  Decimal // the least that is paid out
	Lines    int
	// Digest is the lower-case hexadecimal SHA-256 of the lines, in their order: for
	// each its number, kind, conversion, adjustment or nothing, and amount in its
	// shortest form, with a space between, and a line feed after each line but the
	// last.
	Digest string
	MadeAt time.Time
}

// Month names the statement's month: "2026-01".
func (s *Statement) Month() string { return MonthName(s.From) }

// Balance is what the statement comes to: opening, earned and adjusted.
func (s *Statement) Balance() Decimal { return s.Opening.Add(s.Earned).Add(s.Adjusted) }

// Settle splits a balance into what is paid and what is carried: a balance that
// reaches the minimum is paid as a whole, and debts are never.
func Settle(balance, minimum Decimal) (payable, carried Decimal) {
	if balance.Sign() > 0 && balance.Cmp(minimum) >= 0 {
		return balance, "0"
	}
	return "0", balance
}

// StatementLineKind says what a line of a statement is about.
type StatementLineKind string

// The kinds stand in the order in which statements have them.
const (
	LineConversion StatementLineKind = "CONVERSION" // an approved conversion of the month
	LineLate       StatementLineKind = "LATE"       // one of a closed month that came later
	LineApproval   StatementLineKind = "APPROVAL"   // one of a closed month that was approved since
	LineReversal   StatementLineKind = "REVERSAL"   // one that an earlier statement had, rejected since
	LineCorrection StatementLineKind = "CORRECTION" // staff adjusted what it is worth
)

// statementLineKinds lists them all.
var statementLineKinds = []StatementLineKind{LineConversion, LineLate, LineApproval, LineReversal, LineCorrection}

// StatementLine is a line of a statement.
type StatementLine struct {
	StatementID  uuid.UUID
	Number       int // from 1, in order
	Kind         StatementLineKind
	ConversionID uuid.UUID
	AdjustmentID uuid.UUID // uuid.Nil for LineConversion
	At           time.Time // of the event; for others, when it was booked
	Sent         Money     // in the currency that the payout was agreed in
	Amount       Decimal   // the same in the statement's currency

	// What people know the conversion by.
	TxID, EventType, Offer string
	EventAt                time.Time
	Reason                 string // of the adjustment
}

// Entry tells the ledger of a statement. The month's money is between the network
// and the affiliate, and held back.
func (s *Statement) Entry(salt Salt) Entry {
	f := newSalted(EntryStatement, salt, s.Openings(salt))
	f.id("affiliate_id", s.AffiliateID)
	f.time("at", s.MadeAt)
	f.set("month", s.Month())
	f.id("period_id", s.PeriodID)
	f.id("statement_id", s.ID)
	return f.entry(s.ID, s.MadeAt)
}

// Openings shows all of the entry: whoever sees a statement sees all of it.
func (s *Statement) Openings(salt Salt) []Opening {
	return []Opening{salt.opening("statement", s.object())}
}

// object is what it comes to, as a canonical object.
func (s *Statement) object() string {
	f := newFact()
	f.set("adjusted", s.Adjusted.Canonical())
	f.set("carried", s.Carried.Canonical())
	f.set("currency", s.Currency)
	f.set("digest", s.Digest)
	f.set("earned", s.Earned.Canonical())
	f.set("lines", strconv.Itoa(s.Lines))
	f.set("minimum", s.Minimum.Canonical())
	f.set("opening", s.Opening.Canonical())
	f.set("payable", s.Payable.Canonical())
	return string(f.canonical())
}

// StatementFilter narrows a list of statements; zero fields do not.
type StatementFilter struct {
	AffiliateID uuid.UUID
	PeriodID    uuid.UUID
}
