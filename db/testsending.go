package db

import (
	"cmp"
	"context"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// MakeUpSending makes what a destination's owner, or staff, may send to it as a
// test: the status of a conversion that does not exist. Nothing of it is stored.
func (s *Store) MakeUpSending(ctx context.Context, actor proofback.Actor, destination uuid.UUID, status proofback.Status) (*Sending, error) {
	if err := cmp.Or(actor.RequireSignedIn(), actor.RequireChange()); err != nil {
		return nil, err
	}
	var out *Sending
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		row := &destinationRow{}
		if err := ofAffiliate(tx.NewSelect().Model(row), actor).Where("destination.id = ?", destination).Scan(ctx); err != nil {
			return missing(err, "affiliate postback", "id")
		}
		var currency string
		err := tx.NewSelect().
			TableExpr("affiliates").
			Column("currency").
			Where("id = ?", row.AffiliateID).
			Scan(ctx, &currency)
		if err != nil {
			return err
		}
		out = madeUp(row.value(), status, currency)
		out.Delivery.CreatedAt, out.Conversion.EventAt = tx.now, tx.now
		out.Secrets, err = s.secretsOf(row, tx)
		return err
	})
	if err == nil {
		err = s.noteDone(ctx, actor, proofback.KindAffiliatePostback, destination)
	}
	return out, err
}

// madeUp fills everything in that a template may ask for, with values that show
// where they came from.
func madeUp(d *proofback.Destination, status proofback.Status, currency string) *Sending {
	if status == "" {
		status = d.Statuses[0]
	}
	out := &Sending{
		Delivery:    proofback.Delivery{ID: newID(), DestinationID: d.ID, AffiliateID: d.AffiliateID, Event: status},
		Destination: *d,
		Conversion: proofback.Conversion{
			ID:          newID(),
			OfferID:     d.OfferID,
			AffiliateID: d.AffiliateID,
			ClickID:     newID(),
			EventType:   d.EventType,
			TxID:        "test",
			Status:      status,
			Payout:      proofback.Money{Amount: "1.00", Currency: currency},
		},
		Click: proofback.Click{Source: "test"},
		Test:  true,
	}
	if d.OfferID == uuid.Nil {
		out.Conversion.OfferID = newID()
	}
	if d.EventType == "" {
		out.Conversion.EventType = "test"
	}
	for i := range out.Click.Subs {
		out.Click.Subs[i] = "test"
	}
	return out
}

// secretsOf opens the secrets that sign a destination's requests now.
func (s *Store) secretsOf(row *destinationRow, tx *tx) ([]string, error) {
	sealed := [][]byte{row.Secret}
	if row.OldSecretUntil.After(tx.now) {
		sealed = append(sealed, row.OldSecret)
	}
	return s.openSecrets(row.ID, sealed...)
}

// openSecrets opens those that are there.
func (s *Store) openSecrets(destination uuid.UUID, sealed ...[]byte) ([]string, error) {
	var secrets []string
	for _, b := range sealed {
		if b == nil {
			continue
		}
		opened, err := s.sealer.Open(b, destination)
		if err != nil {
			return nil, proofback.Internal("destination "+destination.String(), err)
		}
		secrets = append(secrets, opened)
	}
	return secrets, nil
}
