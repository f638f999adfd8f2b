package demo

import (
	"context"
	"strings"

	"github.com/proofback/proofback"
)

// follow leads what points at our own landing page and sink to where they are
// served now: the address may be another one than last time. What somebody has
// pointed elsewhere stays.
func (c Config) follow(ctx context.Context) error {
	offers, err := c.Store.Offers(ctx, proofback.System(), proofback.OfferFilter{Search: shop}, all)
	if err != nil {
		return err
	}
	for _, o := range offers.Items {
		to, moved := rebase(o.Terms.LandingURL, c.PublicURL, landingPath+"?")
		if !moved {
			continue
		}
		_, err := c.Store.UpdateOffer(ctx, proofback.System(), o.ID, func(t *proofback.Terms) { t.LandingURL = to })
		if err != nil {
			return err
		}
	}
	known, err := c.Store.Destinations(ctx, proofback.System(), proofback.DestinationFilter{}, all)
	if err != nil {
		return err
	}
	for _, d := range known.Items {
		to, moved := rebase(d.URLTemplate, c.SinkURL, sinkPath+"/")
		if !moved {
			continue
		}
		_, err := c.Store.UpdateDestination(ctx, proofback.System(), d.ID, func(d *proofback.Destination) { d.URLTemplate = to })
		if err != nil {
			return err
		}
	}
	return nil
}

// rebase gives a URL another base, if its path is one of ours and its base is
// not that one yet.
func rebase(url, base, path string) (string, bool) {
	old, rest, ok := strings.Cut(url, path)
	if !ok || old == base || strings.Contains(strings.TrimPrefix(strings.TrimPrefix(old, "https://"), "http://"), "/") {
		return url, false
	}
	return base + path + rest, true
}
