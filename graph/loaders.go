package graph

import (
	"context"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/graph/fields"
)

// loaders are one root field's; what they fetch is the actor's to see, because the
// Store's methods make sure of it.
type loaders struct {
	queue fields.Queue
	// asked are those that resolvers wait for.
	asked []interface{ fetchAsked(ctx context.Context) }
	// errands are what single fields asked for.
	errands map[*graphql.FieldContext]any

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
	myAccess *loader[*proofback.Access]
	clicks   *loader[*proofback.Click]
	// userAgents are by click.
	userAgents      *loader[string]
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

func newLoaders(s *db.Store, setup *db.Setup) *loaders {
	l := &loaders{}
	*l = loaders{
		queue:           fields.Queue{Fetch: l.fetch},
		advertisers:     newLoader(l, s.AdvertisersByID),
		affiliates:      newLoader(l, s.AffiliatesByID),
		users:           newLoader(l, s.UsersByID),
		apiKeys:         newLoader(l, s.APIKeysByID),
		secondFactors:   newLoader(l, s.SecondFactorsOf),
		auditEntries:    newLoader(l, s.AuditEntriesByID),
		offers:          newLoader(l, s.OffersByID),
		goals:           newLoader(l, s.GoalsByID),
		links:           newLoader(l, s.TrackingLinksByID),
		destinations:    newLoader(l, s.DestinationsByID),
		accesses:        newLoader(l, s.AccessesByID),
		myAccess:        newLoader(l, s.OwnAccess),
		capsUsed:        newLoader(l, s.CapsUsed),
		audits:          newLoader(l, s.RedirectAuditsByID),
		clicks:          newLoader(l, s.ClicksByID),
		userAgents:      newLoader(l, s.UserAgentsByClick),
		conversions:     newLoader(l, s.ConversionsByID),
		postbacks:       newLoader(l, s.PostbacksByID),
		deliveries:      newLoader(l, s.DeliveriesByID),
		notices:         newLoader(l, s.NoticesByID),
		reconciliations: newLoader(l, s.ReconciliationsByID),
		transitions:     newLoader(l, s.TransitionsByConversion),
		told:            newLoader(l, s.DeliveriesByConversion),
		attempts:        newLoader(l, s.AttemptsByDelivery),
		adjustments:     newLoader(l, s.AdjustmentsByID),
		corrected:       newLoader(l, s.AdjustmentsByConversion),
		periods:         newLoader(l, s.PeriodsByID),
		statements:      newLoader(l, s.StatementsByID),
		savedReports:    newLoader(l, s.SavedReportsByID),
		reportRuns:      newLoader(l, s.ReportRunsByID),
		lastRuns:        newLoader(l, s.LastReportRuns),
		disputes:        newLoader(l, s.DisputesByID),
		said:            newLoader(l, s.DisputeEntries),
		verifications:   newLoader(l, s.VerificationsByID),
		discrepancies:   newLoader(l, s.DiscrepanciesByID),
		terms: newLoader(l, func(ctx context.Context, _ proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.Terms, error) {
			return setup.TermsByID(ctx, ids)
		}),
	}
	return l
}

// withLoaders gives a root field loaders of its own.
func (r *Resolver) withLoaders(ctx context.Context) context.Context {
	l := newLoaders(r.Store, r.Setup)
	return fields.WithQueue(context.WithValue(ctx, loadersKey, l), &l.queue)
}

func loadersFrom(ctx context.Context) *loaders { return ctx.Value(loadersKey).(*loaders) }

// fetch brings everything that resolvers wait for, all kinds of it at the same time.
func (l *loaders) fetch(ctx context.Context) bool {
	asked := l.asked
	l.asked = nil
	var wg sync.WaitGroup
	for _, one := range asked {
		wg.Go(func() { one.fetchAsked(ctx) })
	}
	wg.Wait()
	return len(asked) > 0
}

// show turns what the Store gave into what the API gives: a list, and never null.
func show[T, M any](rows []T, one func(T) M) []M {
	out := make([]M, len(rows))
	for i, row := range rows {
		out[i] = one(row)
	}
	return out
}
