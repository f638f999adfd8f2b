package graph

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/vikstrous/dataloadgen"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// loaderWait is how long a loader gathers ids before it asks for all of them at
// once, unless the Resolver says otherwise: long enough for the fields of a page,
// short enough not to be felt.
const loaderWait = 2 * time.Millisecond

// loader gathers the relations of a request's objects, so that a page of a
// hundred rows asks once for what they belong to.
type loader[T any] = dataloadgen.Loader[uuid.UUID, T]

// loaders are one request's; what they fetch is the actor's to see, because the
// Store's methods make sure of it.
type loaders struct {
	advertisers *loader[*proofback.Advertiser]
	affiliates  *loader[*proofback.Affiliate]
	users       *loader[*proofback.User]
	apiKeys     *loader[*proofback.APIKey]
	// secondFactors are of users who have one.
	secondFactors *loader[*bool]
	// auditEntries are looked up by id alone.
	auditEntries *loader[*proofback.AuditEntry]
	offers       *loader[*proofback.Offer]
	goals        *loader[*proofback.Goal]
	links        *loader[*proofback.TrackingLink]
	// destinations are affiliates' postbacks.
	destinations *loader[*proofback.Destination]
	accesses     *loader[*proofback.Access]
	// myAccess is the asking affiliate's own, by offer.
	myAccess        *loader[*proofback.Access]
	clicks          *loader[*proofback.Click]
	conversions     *loader[*proofback.Conversion]
	postbacks       *loader[*proofback.Postback]
	deliveries      *loader[*proofback.Delivery]
	notices         *loader[*proofback.Notice]
	reconciliations *loader[*proofback.Reconciliation]
	// transitions and told (deliveries) are a conversion's, attempts a delivery's.
	transitions *loader[[]*proofback.Transition]
	told        *loader[[]*proofback.Delivery]
	attempts    *loader[[]*proofback.Attempt]
	// terms are those that clicks were made under. They are not shown, but needed
	// to tell where a click went.
	terms  *loader[*proofback.Terms]
	audits *loader[*proofback.RedirectAudit]
	// adjustments are looked up by id, corrected by conversion.
	adjustments *loader[*proofback.Adjustment]
	corrected   *loader[[]*proofback.Adjustment]
	periods     *loader[*proofback.Period]
	statements  *loader[*proofback.Statement]
	// lastRuns are by saved report.
	savedReports *loader[*proofback.SavedReport]
	reportRuns   *loader[*proofback.ReportRun]
	lastRuns     *loader[*proofback.ReportRun]
	// said is what was said in a dispute.
	disputes *loader[*proofback.Dispute]
	said     *loader[[]*proofback.DisputeEntry]
	// verifications and discrepancies are staff's.
	verifications *loader[*proofback.Verification]
	discrepancies *loader[*proofback.Discrepancy]
	// capsUsed is what has been used up of each cap, by offer, in the terms' order.
	capsUsed *loader[[]proofback.Decimal]
}

func newLoaders(s *db.Store, setup *db.Setup, wait time.Duration) *loaders {
	return &loaders{
		advertisers:     newLoader(wait, s.AdvertisersByID),
		affiliates:      newLoader(wait, s.AffiliatesByID),
		users:           newLoader(wait, s.UsersByID),
		apiKeys:         newLoader(wait, s.APIKeysByID),
		secondFactors:   newLoader(wait, s.SecondFactorsOf),
		auditEntries:    newLoader(wait, s.AuditEntriesByID),
		offers:          newLoader(wait, s.OffersByID),
		goals:           newLoader(wait, s.GoalsByID),
		links:           newLoader(wait, s.TrackingLinksByID),
		destinations:    newLoader(wait, s.DestinationsByID),
		accesses:        newLoader(wait, s.AccessesByID),
		myAccess:        newLoader(wait, s.OwnAccess),
		capsUsed:        newLoader(wait, s.CapsUsed),
		audits:          newLoader(wait, s.RedirectAuditsByID),
		clicks:          newLoader(wait, s.ClicksByID),
		conversions:     newLoader(wait, s.ConversionsByID),
		postbacks:       newLoader(wait, s.PostbacksByID),
		deliveries:      newLoader(wait, s.DeliveriesByID),
		notices:         newLoader(wait, s.NoticesByID),
		reconciliations: newLoader(wait, s.ReconciliationsByID),
		transitions:     newLoader(wait, s.TransitionsByConversion),
		told:            newLoader(wait, s.DeliveriesByConversion),
		attempts:        newLoader(wait, s.AttemptsByDelivery),
		adjustments:     newLoader(wait, s.AdjustmentsByID),
		corrected:       newLoader(wait, s.AdjustmentsByConversion),
		periods:         newLoader(wait, s.PeriodsByID),
		statements:      newLoader(wait, s.StatementsByID),
		savedReports:    newLoader(wait, s.SavedReportsByID),
		reportRuns:      newLoader(wait, s.ReportRunsByID),
		lastRuns:        newLoader(wait, s.LastReportRuns),
		disputes:        newLoader(wait, s.DisputesByID),
		said:            newLoader(wait, s.DisputeEntries),
		verifications:   newLoader(wait, s.VerificationsByID),
		discrepancies:   newLoader(wait, s.DiscrepanciesByID),
		terms: newLoader(wait, func(ctx context.Context, _ proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.Terms, error) {
			return setup.TermsByID(ctx, ids)
		}),
	}
}

// newLoader makes a loader of a Store method that fetches by ids and leaves out
// what does not exist for the actor.
func newLoader[T any](wait time.Duration, fetch func(context.Context, proofback.Actor, []uuid.UUID) (map[uuid.UUID]T, error)) *loader[T] {
	return dataloadgen.NewMappedLoader(func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]T, error) {
		return fetch(ctx, ActorFrom(ctx), ids)
	}, dataloadgen.WithWait(wait), dataloadgen.WithBatchCapacity(500))
}

// withLoaders gives a request loaders of its own.
func (r *Resolver) withLoaders(ctx context.Context) context.Context {
	return context.WithValue(ctx, loadersKey, newLoaders(r.Store, r.Setup, cmp.Or(r.LoaderWait, loaderWait)))
}

func loadersFrom(ctx context.Context) *loaders { return ctx.Value(loadersKey).(*loaders) }

// load fetches one object by id. What does not exist for the actor is
// CodeNotFound.
func load[T any](ctx context.Context, l *loader[T], what string, id uuid.UUID) (T, error) {
	v, err := l.Load(ctx, id)
	if errors.Is(err, dataloadgen.ErrNotFound) {
		return v, proofback.NotFound(what)
	}
	return v, err
}

// find fetches one object by id; nil when id is uuid.Nil or nothing that the
// actor may see.
func find[T any](ctx context.Context, l *loader[*T], id uuid.UUID) (*T, error) {
	if id == uuid.Nil {
		return nil, nil
	}
	v, err := l.Load(ctx, id)
	if errors.Is(err, dataloadgen.ErrNotFound) {
		return nil, nil
	}
	return v, err
}

// listOf fetches what belongs to an object; empty where nothing does that the
// actor may see.
func listOf[T any](ctx context.Context, l *loader[[]*T], id uuid.UUID) ([]*T, error) {
	list, err := l.Load(ctx, id)
	if errors.Is(err, dataloadgen.ErrNotFound) {
		return nil, nil
	}
	return list, err
}

// show turns what the Store gave into what the API gives: a list, and never null.
func show[T, M any](rows []T, one func(T) M) []M {
	out := make([]M, len(rows))
	for i, row := range rows {
		out[i] = one(row)
	}
	return out
}
