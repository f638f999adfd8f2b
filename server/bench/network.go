package bench

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// The size of the network: enough that what is kept in memory is looked up and
// not guessed.
const (
	advertisers       = 10
	offersEach        = 4
	affiliates        = 50
	linksPerAffiliate = 6
)

// makeNetwork makes partners, offers and links. Every affiliate wants to be told
// of its conversions.
func (b *bed) makeNetwork(ctx context.Context) error {
	system := proofback.System()
	var offers []uuid.UUID
	for i := range advertisers {
		a, _, err := b.store.CreateAdvertiser(ctx, system, proofback.Advertiser{Name: fmt.Sprintf("Advertiser %d", i)})
		if err != nil {
			return err
		}
		for n := range offersEach {
			o, err := b.store.CreateOffer(ctx, system, a.ID, terms(fmt.Sprintf("Offer %d.%d", i, n)))
			if err != nil {
				return err
			}
			offers = append(offers, o.ID)
		}
	}
	for i := range affiliates {
		a, err := b.store.CreateAffiliate(ctx, system, proofback.Affiliate{Name: fmt.Sprintf("Affiliate %d", i)})
		if err != nil {
			return err
		}
		_, _, err = b.store.CreateDestination(ctx, system, proofback.Destination{
			AffiliateID: a.ID,
			URLTemplate: "https://tracker.example/postback?cid={sub1}&payout={payout}&status={status}",
		})
		if err != nil {
			return err
		}
		for n := range linksPerAffiliate {
			l, err := b.store.CreateTrackingLink(ctx, system, proofback.TrackingLink{
				OfferID: offers[(i*linksPerAffiliate+n)%len(offers)], AffiliateID: a.ID,
			})
			if err != nil {
				return err
			}
			b.Codes = append(b.Codes, l.Code)
		}
	}
	return b.makeRates(ctx)
}

func terms(name string) proofback.Terms {
	return proofback.Terms{
		Name:       name,
		Status:     proofback.OfferActive,
		Access:     proofback.OfferPublic,
		LandingURL: "https://shop.example/landing?click_id={click_id}&pid={affiliate_id}&s={sub1}&src={source}",

		AttributionWindowHours: 24 * 60,
		Goals: []proofback.Goal{{
			EventType: "sale",
			Name:      "Sale",
			Payout:    proofback.Price{Model: proofback.PricePercent, Percent: "8"},
			Revenue:   proofback.Price{Model: proofback.PricePercent, Percent: "10"},
			Approval:  proofback.ApprovalManual,

			WhenPrerequisiteMissing: proofback.PrerequisiteReject,
			DedupeWindowMinutes:     proofback.DefaultDedupeWindowMinutes,
		}},
	}
}

// makeRates makes up reference rates around today: nobody is asked for them, and
// those that come with the program may be too old.
func (b *bed) makeRates(ctx context.Context) error {
	_, err := b.store.Pool().Exec(ctx, `
		INSERT INTO rates (currency, day, per_euro, source)
		SELECT 'USD', current_date + n, 1.1, 'BENCH'
		FROM generate_series(-60, 1) AS n
		ON CONFLICT DO NOTHING`)
	return err
}
