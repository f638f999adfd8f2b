package db

import (
	"cmp"
	"context"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// maxStrays is how many requests that named no click a test of an integration
// shows.
const maxStrays = 10

// StartIntegrationTest makes a test click of an offer, by its advertiser or staff.
// It needs no link, and an offer that is not active yet will do: that is when
// integrations are tested.
func (s *Store) StartIntegrationTest(ctx context.Context, actor proofback.Actor, offer uuid.UUID) (*proofback.IntegrationTest, error) {
	if err := cmp.Or(actor.RequireOfferSide(), actor.RequireChange()); err != nil {
		return nil, err
	}
	row := &offerRow{}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		err := visibleOffers(tx.NewSelect().Model(row), actor, onOffer).Where("offer.id = ?", offer).Scan(ctx)
		return missing(err, "offer", "offerId")
	})
	if err != nil {
		return nil, err
	}
	id := newID()
	click := proofback.Click{
		ID:           id,
		At:           proofback.UUIDTime(id),
		OfferID:      row.ID,
		AdvertiserID: row.AdvertiserID,
		TermsID:      row.TermsID,
		Flags:        proofback.FlagTest,
		Device:       proofback.DeviceOther,
	}
	if err := s.InsertClicks(ctx, proofback.System(), []proofback.Click{click}); err != nil {
		return nil, err
	}
	if err := s.noteDone(ctx, actor, proofback.KindOffer, row.ID); err != nil {
		return nil, err
	}
	return s.IntegrationTest(ctx, actor, id)
}

// IntegrationTest tells how far a test has come, to staff and to the offer's
// advertiser.
func (s *Store) IntegrationTest(ctx context.Context, actor proofback.Actor, id uuid.UUID) (*proofback.IntegrationTest, error) {
	if err := actor.RequireOfferSide(); err != nil {
		return nil, err
	}
	t := tracing{click: id}
	test := &proofback.IntegrationTest{}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		t.tx = tx
		if err := t.findClicks(ctx, []uuid.UUID{id}); err != nil {
			return err
		}
		if len(t.Clicks) == 0 || !t.Clicks[0].IsTest() {
			return proofback.NotFound("test of an integration")
		}
		test.Click = t.Clicks[0]
		if err := tx.findTested(ctx, test); err != nil {
			return err
		}
		if err := tx.findStrays(ctx, test); err != nil {
			return err
		}
		return t.begin(ctx, proofback.TraceBy{ClickID: id})
	})
	if err != nil {
		return nil, err
	}
	test.Postbacks, test.Conversions = t.Postbacks, t.Conversions
	return test, nil
}

// findTested reads whose integration is tested, by which terms.
func (t *tx) findTested(ctx context.Context, test *proofback.IntegrationTest) error {
	var advertiser advertiserRow
	if err := t.NewSelect().Model(&advertiser).Where("id = ?", test.Click.AdvertiserID).Scan(ctx); err != nil {
		return err
	}
	var terms termsRow
	if err := t.NewSelect().Model(&terms).Where("id = ?", test.Click.TermsID).Scan(ctx); err != nil {
		return err
	}
	var err error
	test.Terms = terms.value()
	test.Advertiser, err = advertiser.value()
	return err
}

// findStrays reads the advertiser's requests since the click that named none.
func (t *tx) findStrays(ctx context.Context, test *proofback.IntegrationTest) error {
	c := test.Click
	var rows []postbackRow
	err := selectPostbacks(t, &rows).
		Where("postback.advertiser_id = ?", c.AdvertiserID).
		Where("postback.id > ?", c.ID).
		Where("postback.id < ?", proofback.UUIDFloor(c.At.Add(proofback.StrayWindow))).
		Where("postback.click_id IS NULL").
		OrderExpr("postback.id DESC").
		Limit(maxStrays).
		Scan(ctx)
	test.Strays = make([]*proofback.Postback, len(rows))
	for i := range rows {
		test.Strays[len(rows)-1-i] = rows[i].value(t.actor)
	}
	return err
}
