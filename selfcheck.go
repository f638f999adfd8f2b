package proofback

import (
	"strings"
	"time"

	"github.com/google/uuid"
)

// SelfCheck is something that Proofback holds against what it is derived from.
type SelfCheck string

// The checks, in the order in which they are made.
const (
	CheckConversions SelfCheck = "CONVERSIONS" // where they stand against their moves
	CheckBooks       SelfCheck = "BOOKS"       // closed months against what was booked since
	CheckStatements  SelfCheck = "STATEMENTS"  // against their lines, and the statement before
	CheckDeliveries  SelfCheck = "DELIVERIES"  // against the moves that endpoints want to hear of
	CheckCaps        SelfCheck = "CAPS"        // counters against what is counted
	CheckOrphans     SelfCheck = "ORPHANS"     // rows against those that they belong to
	CheckLedger      SelfCheck = "LEDGER"      // entries against the tables, and the tree against both
	CheckRollups     SelfCheck = "ROLLUPS"     // counts for reports against clicks and conversions
	CheckClicks      SelfCheck = "CLICKS"      // that are there against those that processes answered for
	CheckReports     SelfCheck = "REPORTS"     // their totals against the sums of the ledger
)

// selfChecks say of each check what is compared, and what is to be done about a
// difference.
var selfChecks = []struct {
	name          SelfCheck
	claim, advice string
}{
	{
		CheckConversions, "conversions stand where their moves lead",
		"Look at the conversion's transitions and at its entries in the ledger (its proof): they say where it should stand. " +
			"Put back the row that was changed or removed, from a backup or by what the ledger has, and find out who can write to the database beside the program.",
	},
	{
		CheckBooks, "conversions of closed months are booked as they stand",
		"The adjustments of the conversion do not lead from what its month was closed with to where it stands. " +
			"The database refuses that; so somebody wrote with its triggers off. Put back what is missing by what the ledger has, before the next statements are made.",
	},
	{
		CheckStatements, "statements are the sum of their lines and continue the one before",
		"Do not pay by this statement. The ledger has it with the SHA-256 of its lines: compare with the CSV that the affiliate has, " +
			"put the changed lines back, and find out who wrote to the database.",
	},
	{
		CheckDeliveries, "endpoints have a delivery of each move that they want to hear of",
		"Back-fill the endpoint over the time of the move (backfillAffiliatePostback): what it was told already it is not told again.",
	},
	{
		CheckCaps, "counters of caps are what is counted",
		"Remove the counter's row from cap_usage while no postback of the offer is being decided: it is counted anew when it is needed. " +
			"Until then the cap lets too many or too few through.",
	},
	{
		CheckOrphans, "everything belongs to something",
		"A row that this one belongs to was removed. Put it back from a backup; where that cannot be, keep this one, since it is all that is left to explain what happened.",
	},
	{
		CheckLedger, "the ledger has every fact that moves money, unchanged, in the order that was signed",
		"Run `proofback verify ledger` for the whole list; the first entry that it names is where to begin. " +
			"Stop paying until it is known what was changed, compare with a backup, and tell those whose entries they are.",
	},
	{
		CheckRollups, "what is rolled up for reports is what clicks and conversions say",
		"Nothing is to be done: reports leave these counts out until a job has counted them anew, within minutes. If it is said again tomorrow, report it as a bug.",
	},
	{
		CheckClicks, "clicks are there as processes answered for them",
		"Where clicks are missing, look for the data folder of the process: what is in its spool is stored when a process is started on it. " +
			"What is not there either was lost or removed after visitors had been sent on: compare with a backup. Where there are more than were accepted, somebody wrote them into the table.",
	},
	{
		CheckReports, "reports add up to the ledger",
		"Run the other checks first: what they name is mostly what is different here, too. If they name nothing, report it as a bug, with both numbers.",
	},
}

// SelfChecks are all checks, in the order in which they are made.
func SelfChecks() []SelfCheck {
	list := make([]SelfCheck, len(selfChecks))
	for i := range selfChecks {
		list[i] = selfChecks[i].name
	}
	return list
}

// Claim is what holds where the check finds nothing, in a few words.
func (c SelfCheck) Claim() string {
	for i := range selfChecks {
		if selfChecks[i].name == c {
			return selfChecks[i].claim
		}
	}
	return ""
}

// Advice is what to do about a difference that the check found.
func (c SelfCheck) Advice() string {
	for i := range selfChecks {
		if selfChecks[i].name == c {
			return selfChecks[i].advice
		}
	}
	return ""
}

// ParseSelfCheck reads a check's name, in whatever case.
func ParseSelfCheck(s string) (SelfCheck, bool) {
	c := SelfCheck(strings.ToUpper(s))
	return c, c.Claim() != ""
}

// Discrepancy is a difference that a check found: written down once, and kept when
// it is gone.
type Discrepancy struct {
	ID    uuid.UUID
	Check SelfCheck
	// Kind and Subject name what it is about, where that is a thing with an id.
	Kind    Kind
	Subject uuid.UUID
	Key     string // names it for people
	What    string // what is different
	FoundAt time.Time
	SeenAt  time.Time // when a check last found it
	// ResolvedAt is when a check first did not find it any more; zero until then.
	ResolvedAt time.Time
}

// Verification is a run of the checks.
type Verification struct {
	ID         uuid.UUID
	BeganAt    time.Time
	FinishedAt time.Time // zero while it is at it, or when it broke off
	Checks     []SelfCheckResult
}

// Differences is how many all checks found.
func (v *Verification) Differences() (n int64) {
	for _, c := range v.Checks {
		n += c.Differences
	}
	return n
}

// SelfCheckResult is what one check came to.
type SelfCheckResult struct {
	Check       SelfCheck     `json:"check"`
	Compared    int64         `json:"compared"` // things that were looked at
	Differences int64         `json:"differences"`
	Took        time.Duration `json:"took"`
}

// DiscrepancyFilter narrows a list of differences; zero fields do not.
type DiscrepancyFilter struct {
	Check SelfCheck
	// Open is whether it is still there; nil for both.
	Open *bool
}
