package proofback

import (
	"time"

	"github.com/google/uuid"
)

// Notice tells an affiliate of something that Proofback did by itself and that
// somebody should look into.
type Notice struct {
	ID            uuid.UUID
	At            time.Time
	AffiliateID   uuid.UUID
	DestinationID uuid.UUID
	Kind          NoticeKind
	Message       string // a sentence
}

// NoticeKind is what a notice is about.
type NoticeKind string

const (
	NoticePaused  NoticeKind = "DESTINATION_PAUSED"  // it failed for too long
	NoticeStopped NoticeKind = "DESTINATION_STOPPED" // it answered 410
)
