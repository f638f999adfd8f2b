package proofback

import (
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// DisputeStatus is how far a dispute is.
type DisputeStatus string

const (
	DisputeOpen     DisputeStatus = "OPEN"
	DisputeAccepted DisputeStatus = "ACCEPTED" // the affiliate is right
	DisputeRejected DisputeStatus = "REJECTED"
)

// Dispute is an affiliate's question about a conversion that is missing or was rejected.
type Dispute struct {
	ID          uuid.UUID
	AffiliateID uuid.UUID
	// By is what was asked about: one of its fields is set.
	By     TraceBy
	Status DisputeStatus
	// Trace is the story as the affiliate could see it when it asked, whatever has been
	// changed or dropped since.
	Trace     []Moment
	OpenedAt  time.Time
	DecidedAt time.Time // zero while it is open
	Entries   []*DisputeEntry
}

// DisputeEntry is a word of one side. The first is the question.
type DisputeEntry struct {
	At          time.Time
	ByStaff     bool
	ByUser      uuid.UUID
	ByEmail     string // of staff, for staff alone; of the affiliate's people for both
	Text        string
	EvidenceURL string
	Decision    DisputeStatus // "" where it decides nothing
}

// MaskFor takes out which person of the network it was.
func (e *DisputeEntry) MaskFor(a Actor) {
	if e.ByStaff && !a.IsStaff() {
		e.ByUser, e.ByEmail = uuid.Nil, ""
	}
}

// Limits of what is said in a dispute.
const (
	MaxDisputeText   = 4000 // characters
	maxEvidenceBytes = 2048
)

// CheckDisputeEntry checks what a person wrote, and trims it.
func CheckDisputeEntry(e *DisputeEntry) error {
	var problems Problems
	e.Text, e.EvidenceURL = strings.TrimSpace(e.Text), strings.TrimSpace(e.EvidenceURL)
	if n := utf8.RuneCountInString(e.Text); n == 0 || n > MaxDisputeText {
		problems.Add([]string{"text"}, "write from 1 to %d characters", MaxDisputeText)
	}
	if e.EvidenceURL != "" {
		u, err := url.Parse(e.EvidenceURL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || len(e.EvidenceURL) > maxEvidenceBytes {
			problems.Add([]string{"evidenceUrl"}, "expected a link that begins with http or https, without a user name")
		}
	}
	if e.Decision != "" && e.Decision != DisputeAccepted && e.Decision != DisputeRejected {
		problems.Add([]string{"decision"}, "accept or reject it")
	}
	return problems.Err()
}

// DisputeFilter narrows a list of disputes; zero fields do not.
type DisputeFilter struct {
	AffiliateID uuid.UUID
	Status      DisputeStatus
}
