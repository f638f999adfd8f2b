package graph

import (
	"context"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/model"
)

func (q *query) Trace(ctx context.Context, by model.TraceBy) (*model.Trace, error) {
	key, err := q.traceKey(by)
	if err != nil || key == (proofback.TraceBy{}) {
		return nil, err
	}
	story, err := q.Store.Trace(ctx, ActorFrom(ctx), key)
	if err != nil || story == nil {
		return nil, err
	}
	loadersFrom(ctx).know(story)
	out := &model.Trace{
		Postbacks:   show(story.Postbacks, showPostback),
		Conversions: show(story.Conversions, showConversion),
		PixelSignals: show(story.PixelSignals, func(p *proofback.PixelSignal) *model.PixelSignal {
			return &model.PixelSignal{At: p.At, EventType: orNull(p.EventType), TransactionID: orNull(p.TxID)}
		}),
		Timeline: show(story.Timeline(), func(m proofback.Moment) *model.TimelineEntry {
			return &model.TimelineEntry{At: m.At, Kind: model.TimelineKind(m.Kind), Summary: m.Summary}
		}),
	}
	// A transaction id may name events of several clicks: the oldest is shown
	// here, the others with their conversions.
	if len(story.Clicks) > 0 {
		out.Click = showClick(story.Clicks[0], q.ClickKeys)
	}
	return out, nil
}

// traceKey reads what to trace; the zero key stands for something that nothing
// can be known of. The schema says @oneOf, but of variables nobody checks it.
func (q *query) traceKey(by model.TraceBy) (key proofback.TraceBy, err error) {
	given := 0
	if by.ClickID != nil {
		given++
		key.ClickID = clickID(q.ClickKeys, by.ClickID)
	}
	if by.TransactionID != nil {
		given++
		key.TransactionID = *by.TransactionID
	}
	if by.ConversionID != nil {
		given++
		key.ConversionID, err = proofback.ParseIDOf(proofback.KindConversion, *by.ConversionID)
	}
	if by.RequestID != nil {
		given++
		key.RequestID, _ = uuid.Parse(*by.RequestID) // else it is none of ours
	}
	if given != 1 {
		return key, proofback.Invalid([]string{"by"}, "give exactly one of clickId, transactionId, conversionId and requestId")
	}
	return key, err
}

// know gives the loaders what a story holds, so that its parts are shown as they
// were in the story's snapshot, and not asked for again.
func (l *loaders) know(s *proofback.Story) {
	for _, c := range s.Clicks {
		l.clicks.prime(c.ID, c)
	}
	for _, p := range s.Postbacks {
		l.postbacks.prime(p.ID, p)
	}
	transitions := map[uuid.UUID][]*proofback.Transition{}
	for _, t := range s.Transitions {
		transitions[t.ConversionID] = append(transitions[t.ConversionID], t)
	}
	deliveries := map[uuid.UUID][]*proofback.Delivery{}
	for _, d := range s.Deliveries {
		deliveries[d.ConversionID] = append(deliveries[d.ConversionID], d)
	}
	attempts := map[uuid.UUID][]*proofback.Attempt{}
	for _, a := range s.Attempts {
		attempts[a.DeliveryID] = append(attempts[a.DeliveryID], a)
	}
	for _, c := range s.Conversions {
		l.conversions.prime(c.ID, c)
		l.transitions.prime(c.ID, transitions[c.ID])
		l.told.prime(c.ID, deliveries[c.ID])
	}
	for _, d := range s.Deliveries {
		l.deliveries.prime(d.ID, d)
		l.attempts.prime(d.ID, attempts[d.ID])
	}
}
