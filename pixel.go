package proofback

import (
	"time"

	"github.com/google/uuid"
)

// PixelSignal is a call of the diagnostic pixel: a sign that a visitor reached
// the advertiser's page. It never makes, changes or pays a conversion.
type PixelSignal struct {
	ID         uuid.UUID // UUIDv7 of At
	At         time.Time
	ClickID    uuid.UUID // uuid.Nil when the pixel named no click of ours
	EventType  string
	TxID       string
	Parameters []Parameter // masked
}
