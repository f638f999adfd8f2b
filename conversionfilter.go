package proofback

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// Matches reports whether a list narrowed by f would have c in it.
func (f *ConversionFilter) Matches(c *Conversion) bool {
	var at time.Time
	switch f.Basis {
	case BasisReceived:
		at = c.ReceivedAt
	case BasisClick:
		at = c.ClickAt
	default:
		at = c.EventAt
	}
	sameID := func(wanted, id uuid.UUID) bool { return wanted == uuid.Nil || wanted == id }
	sameText := func(wanted, text string) bool { return wanted == "" || wanted == text }
	return (f.ClickID != uuid.Nil || f.Tests == c.Test) &&
		(f.From.IsZero() || !at.Before(f.From)) &&
		(f.To.IsZero() || at.Before(f.To)) &&
		sameID(f.OfferID, c.OfferID) &&
		sameID(f.AffiliateID, c.AffiliateID) &&
		sameID(f.AdvertiserID, c.AdvertiserID) &&
		sameID(f.ClickID, c.ClickID) &&
		sameText(f.EventType, c.EventType) &&
		sameText(f.TransactionID, c.TxID) &&
		(len(f.Statuses) == 0 || slices.Contains(f.Statuses, c.Status))
}
