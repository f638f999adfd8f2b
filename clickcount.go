package proofback

import (
	"strconv"
	"time"

	"github.com/google/uuid"
)

// ClickCount is what a process counted of the clicks of an hour.
type ClickCount struct {
	ID uuid.UUID
	// Process is which one it was, by a number that it drew when it began, or where it could
	// say nothing, by that of the spool that it left; uuid.Nil for clicks that the program
	// told of by itself.
	Process uuid.UUID
	Hour    time.Time // in which the clicks were made
	// Accepted is how many it began to store. Each of them was answered for as one of
	// the next three, but for those that it was at when it died.
	Accepted int64
	Stored   int64 // sent on after the commit
	Spooled  int64 // sent on after they were on disk, to be stored later
	Refused  int64 // answered with 503; such a click may be stored all the same
	// Complete says that the process counted to the end of the hour. Else it died, or
	// was cut off: it may have accepted more than it could say.
	Complete bool
	SaidAt   time.Time
	ClosedAt time.Time // when it went into the ledger; zero until then
}

// Entry tells the ledger of a count.
func (c *ClickCount) Entry() Entry {
	f := newEntry(EntryClickCount)
	f.set("accepted", strconv.FormatInt(c.Accepted, 10))
	f.time("at", c.ClosedAt)
	f.id("click_count_id", c.ID)
	f.set("complete", strconv.FormatBool(c.Complete))
	f.time("hour", c.Hour)
	f.id("process", c.Process)
	f.set("refused", strconv.FormatInt(c.Refused, 10))
	f.set("spooled", strconv.FormatInt(c.Spooled, 10))
	f.set("stored", strconv.FormatInt(c.Stored, 10))
	return f.entry(c.ID, c.ClosedAt)
}

// ClickHour is an hour of clicks: what all processes counted, and what is there.
type ClickHour struct {
	Hour     time.Time
	Accepted int64
	Stored   int64
	Spooled  int64
	Refused  int64
	Complete bool // all processes counted to the end
	Closed   bool // all of it is in the ledger
	// There is how many clicks of the hour are stored; -1 where they have been dropped
	// for their age.
	There  int64
	Counts []*ClickCount
}

// Agrees reports whether as many clicks are there as processes answered for: none is
// missing, and where all of them counted to the end, none is there that nobody accepted.
func (h *ClickHour) Agrees() bool {
	return h.There >= h.Stored+h.Spooled && (!h.Complete || h.There <= h.Accepted)
}
