package proofback

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Period is a month that finance has closed: nothing in it changes any more. The
// months of the network are those of UTC.
type Period struct {
	ID uuid.UUID
	// TimeRange is the month's. The first period that was closed holds all that was
	// before it as well: First.
	TimeRange
	First    bool
	ClosedAt time.Time
	ClosedBy uuid.UUID // uuid.Nil for a job
	// ClosedByEmail is that user's address; it is filled in when staff read.
	ClosedByEmail string
	// StatementsAt is when the last of its statements was made; zero until then.
	StatementsAt time.Time
}

// Month names the period: "2026-01".
func (p *Period) Month() string { return MonthName(p.From) }

// MaskFor takes out of p which person of the network it was.
func (p *Period) MaskFor(a Actor) {
	if !a.IsStaff() {
		p.ClosedBy, p.ClosedByEmail = uuid.Nil, ""
	}
}

// monthForm is how months are written, in reports as well.
const monthForm = "2006-01"

// MonthName names the month that a moment is in.
func MonthName(at time.Time) string { return at.UTC().Format(monthForm) }

// ParseMonth reads a month as MonthName writes it.
func ParseMonth(s string) (TimeRange, bool) {
	from, err := time.Parse(monthForm, s)
	if err != nil || from.Year() < 1970 {
		return TimeRange{}, false
	}
	return TimeRange{From: from, To: from.AddDate(0, 1, 0)}, true
}

// Books says what of the books is closed.
type Books struct {
	// ClosedTo is the end of the last month that was closed; zero when none was.
	ClosedTo time.Time
}

// IsClosed reports whether the month of an event is closed.
func (b Books) IsClosed(eventAt time.Time) bool { return eventAt.Before(b.ClosedTo) }

// Book says when something about an event that happens now is booked: with the
// event while its month is open, else now, which is in an open month: a month is
// closed when it is over. A clock that lags does not book into a closed month.
func (b Books) Book(eventAt, now time.Time) time.Time {
	switch {
	case !b.IsClosed(eventAt):
		return eventAt
	case now.Before(b.ClosedTo):
		return b.ClosedTo
	}
	return now
}

// ClosedSentence tells people what became of something about an event whose month
// is closed.
func ClosedSentence(eventAt, bookedAt time.Time) string {
	return fmt.Sprintf("%s is closed, so it is booked in %s, on the %s, as an adjustment", MonthName(eventAt), MonthName(bookedAt), bookedAt.UTC().Format(time.DateOnly))
}

// Entry tells the ledger that a month was closed. Which person of the network it was
// is held back.
func (p *Period) Entry(salt Salt) Entry {
	f := newSalted(EntryPeriod, salt, []Opening{salt.opening("by_user", userObject(p.ClosedBy))})
	f.time("at", p.ClosedAt)
	f.time("from", p.From)
	f.set("month", p.Month())
	f.id("period_id", p.ID)
	f.time("to", p.To)
	return f.entry(p.ID, p.ClosedAt)
}
