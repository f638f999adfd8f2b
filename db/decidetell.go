package db

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// listener is a destination that may want to be told of a batch's moves.
type listener struct {
	id        uuid.UUID
	affiliate uuid.UUID
	offer     uuid.UUID // uuid.Nil for all
	eventType string    // "" for all
	statuses  []string
}

// wants reports whether a destination of the conversion's affiliate is to be told
// that it is in a status now. RecordDeliveries says the same in SQL.
func (l *listener) wants(c *proofback.Conversion, now proofback.Status) bool {
	return (l.offer == uuid.Nil || l.offer == c.OfferID) &&
		(l.eventType == "" || l.eventType == c.EventType) &&
		slices.Contains(l.statuses, string(now))
}

// listenersWhere brings destinations that are told.
const listenersWhere = `SELECT id, affiliate_id, offer_id, coalesce(event_type, ''), statuses
	FROM destinations
	WHERE (enabled OR health_state = 'PAUSED') -- for a paused one it waits
	`

// scanListeners takes them, by affiliate.
func scanListeners(rows pgx.Rows, into map[uuid.UUID][]listener) error {
	for rows.Next() {
		var l listener
		if err := rows.Scan(&l.id, &l.affiliate, &l.offer, &l.eventType, &l.statuses); err != nil {
			return err
		}
		into[l.affiliate] = append(into[l.affiliate], l)
	}
	return rows.Err()
}

// delivery is a new row of deliveries.
type delivery struct {
	id          uuid.UUID
	transition  uuid.UUID
	conversion  *proofback.Conversion
	destination uuid.UUID
	event       proofback.Status
	at          time.Time
}

// deliveries are what affiliates are to be told of transitions.
func (b *decideBatch) deliveries(transitions []proofback.Transition) []delivery {
	list := make([]delivery, 0, len(transitions)) // most affiliates have one destination
	now := b.store.clock()
	for i := range transitions {
		t := &transitions[i]
		c := b.known.byID[t.ConversionID]
		if c.Test {
			continue
		}
		for _, l := range b.listeners(c.AffiliateID) {
			if l.wants(c, t.To) {
				list = append(list, delivery{newID(), t.ID, c, l.id, t.To, now})
			}
		}
	}
	return list
}

var deliveriesTable = newRowTable(`deliveries`, `id, conversion_id, transition_id, click_id, affiliate_id, destination_id,`+
	` event, status, created_at, next_attempt_at`)

const deliveryColumns = 10

func appendDelivery(b []byte, d *delivery) []byte {
	b = binary.BigEndian.AppendUint16(b, deliveryColumns)
	for _, id := range [...]uuid.UUID{d.id, d.conversion.ID, d.transition, d.conversion.ClickID, d.conversion.AffiliateID, d.destination} {
		b = appendUUID(b, id)
	}
	b = appendText(b, string(d.event))
	b = appendText(b, string(proofback.DeliveryPending))
	b = appendTime(b, d.at)
	return appendTime(b, d.at)
}
