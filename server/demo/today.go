package demo

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// fresh is how old a visit may be of which something comes today; news is how
// much comes.
const (
	fresh = 3 * 24 * time.Hour
	news  = 36
)

// destination is an affiliate's endpoint in the sink.
type destination struct {
	affiliate, offer string
	method           string
	statuses         []proofback.Status
	path             string
}

var destinations = []destination{
	{fjell, "", "GET", proofback.AllStatuses(), "/fjell?cid={click_id}&tx={txid}&goal={event_type}&state={status}&pay={payout}&cur={currency}"},
	{kupong, shop, "POST", []proofback.Status{proofback.StatusApproved, proofback.StatusRejected}, "/kupong24?week={sub1}&conversion={conversion_id}&state={status}&pay={payout}"},
	{trailhead, "", "GET", []proofback.Status{proofback.StatusPending, proofback.StatusApproved}, "/trailhead?click={click_id}&source={source}&amount={payout}"},
	{sparfuchs, "", "POST", proofback.AllStatuses(), "/sparfuchs?rank={sub1}&id={conversion_id}&state={status}"},
	{pushpeak, "", "GET", []proofback.Status{proofback.StatusApproved}, "/pushpeak?zone={sub1}&answer=500"}, // broken
}

// today has affiliates name their endpoints, and some events come in that these
// are told of. The past is told of nowhere: nobody listened.
func (l *loader) today(ctx context.Context) error {
	known, err := l.Store.Destinations(ctx, proofback.System(), proofback.DestinationFilter{AffiliateID: l.names[fjell]}, all)
	if err != nil || len(known.Items) > 0 {
		return err
	}
	for _, d := range destinations {
		_, _, err := l.Store.CreateDestination(ctx, proofback.System(), proofback.Destination{
			AffiliateID: l.names[d.affiliate],
			OfferID:     l.names[d.offer], // none for ""
			Method:      d.method,
			Statuses:    d.statuses,
			URLTemplate: l.SinkURL + sinkPath + d.path,
		})
		if err != nil {
			return err
		}
	}
	return l.tellNews(ctx)
}

func (l *loader) tellNews(ctx context.Context) error {
	setup, err := l.Store.NewSetup(ctx)
	if err != nil {
		return err
	}
	l.setup = setup
	l.rand.Shuffle(len(l.fresh), func(i, j int) { l.fresh[i], l.fresh[j] = l.fresh[j], l.fresh[i] })
	var list []event
	for _, v := range l.fresh[:min(news, len(l.fresh))] {
		list = append(list, l.event(v, v.terms.Goals[0].EventType, l.began.Add(-time.Duration(l.rand.Int64N(int64(20*time.Minute))))))
	}
	list = slices.DeleteFunc(list, func(e event) bool { return e.at.Before(e.visit.click.At) })
	slices.SortFunc(list, func(a, b event) int { return a.at.Compare(b.at) })
	batch := make([]*db.Incoming, len(list))
	for i, e := range list {
		batch[i] = l.incoming(e)
	}
	if len(batch) == 0 {
		return nil
	}
	log, err := l.Store.Decide(ctx, setup, batch)
	if err != nil {
		return err
	}
	return l.approveSome(ctx, log)
}

// approveSome has staff approve some of what has just come in, so that its
// affiliates are told.
func (l *loader) approveSome(ctx context.Context, log []proofback.Postback) error {
	var ids []uuid.UUID
	for _, p := range log {
		if p.ConversionID != uuid.Nil && l.chance(0.4) {
			ids = append(ids, p.ConversionID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	_, _, err := l.Store.MoveConversions(ctx, l.manager, ids, proofback.StatusApproved, "")
	return err
}
