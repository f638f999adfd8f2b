package proofback

import (
	"time"

	"github.com/google/uuid"
)

// Notice tells a partner of something that Proofback did by itself, or could not do, and
// that somebody should look into; one without a partner tells staff.
type Notice struct {
	ID            uuid.UUID
	At            time.Time
	AffiliateID   uuid.UUID
	AdvertiserID  uuid.UUID
	DestinationID uuid.UUID // zero unless it is about one
	SavedReportID uuid.UUID // zero unless it is about one
	DisputeID     uuid.UUID // zero unless it is about one
	Kind          NoticeKind
	Message       string // a sentence
}

// NoticeKind is what a notice is about.
type NoticeKind string

const (
	NoticePaused  NoticeKind = "DESTINATION_PAUSED"  // it failed for too long
	NoticeStopped NoticeKind = "DESTINATION_STOPPED" // it answered 410

	NoticeDisputeOpened   NoticeKind = "DISPUTE_OPENED"   // staff are to answer
	NoticeDisputeAnswered NoticeKind = "DISPUTE_ANSWERED" // the other side has said something

	NoticeReportFailed NoticeKind = "REPORT_FAILED" // a saved report could not be made, and could the time before
)
