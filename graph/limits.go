package graph

import (
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/generated"
	"github.com/proofback/proofback/graph/model"
)

// Lists within a row are taken to be this long.
const (
	fewRows  = 3
	someRows = 10
)

// complexities says what fields cost beyond 1 for themselves and the cost of
// what they hold: a list costs its rows.
func complexities() generated.ComplexityRoot {
	var c generated.ComplexityRoot
	c.Query.Nodes = func(child int, ids []string) int { return capped(1, len(ids)*child) }
	c.Query.Trace = func(child int, _ model.TraceBy) int { return capped(1, someRows*child) }
	c.Query.Diagnostics = func(child int, _ model.DiagnosticsFilter) int { return capped(1, someRows*child) }
	c.Query.IntegrationTest = func(child int, _ string) int { return capped(1, someRows*child) }

	c.Query.Advertisers = func(child int, first *int, _ *string, last *int, _ *string, _ *model.AdvertiserFilter) int {
		return listCost(child, first, last)
	}
	c.Query.Affiliates = func(child int, first *int, _ *string, last *int, _ *string, _ *model.AffiliateFilter) int {
		return listCost(child, first, last)
	}
	c.Query.Users = func(child int, first *int, _ *string, last *int, _ *string, _ *model.UserFilter) int {
		return listCost(child, first, last)
	}
	c.Query.APIKeys = func(child int, first *int, _ *string, last *int, _ *string, _ *model.APIKeyFilter) int {
		return listCost(child, first, last)
	}
	c.Query.AuditLog = func(child int, first *int, _ *string, last *int, _ *string, _ *model.AuditLogFilter) int {
		return listCost(child, first, last)
	}
	c.Query.Offers = func(child int, first *int, _ *string, last *int, _ *string, _ *model.OfferFilter) int {
		return listCost(child, first, last)
	}
	c.Query.OfferAccesses = func(child int, first *int, _ *string, last *int, _ *string, _ *model.OfferAccessFilter) int {
		return listCost(child, first, last)
	}
	c.Query.TrackingLinks = func(child int, first *int, _ *string, last *int, _ *string, _ *model.TrackingLinkFilter) int {
		return listCost(child, first, last)
	}
	c.Query.AffiliatePostbacks = func(child int, first *int, _ *string, last *int, _ *string, _ *model.AffiliatePostbackFilter) int {
		return listCost(child, first, last)
	}
	c.Query.Clicks = func(child int, first *int, _ *string, last *int, _ *string, _ *model.ClickFilter) int {
		return listCost(child, first, last)
	}
	c.Query.Conversions = func(child int, first *int, _ *string, last *int, _ *string, _ *model.ConversionFilter, _ *model.ConversionOrder) int {
		return listCost(child, first, last)
	}
	c.Query.Postbacks = func(child int, first *int, _ *string, last *int, _ *string, _ *model.PostbackFilter) int {
		return listCost(child, first, last)
	}
	c.Query.Deliveries = func(child int, first *int, _ *string, last *int, _ *string, _ *model.DeliveryFilter) int {
		return listCost(child, first, last)
	}

	c.Query.Notices = func(child int, first *int, _ *string, last *int, _ *string, _ *model.NoticeFilter) int {
		return listCost(child, first, last)
	}
	c.Query.SavedReports = func(child int, first *int, _ *string, last *int, _ *string, _ *model.SavedReportFilter) int {
		return listCost(child, first, last)
	}
	c.Query.Periods = func(child int, first *int, _ *string, last *int, _ *string) int {
		return listCost(child, first, last)
	}
	c.Query.Statements = func(child int, first *int, _ *string, last *int, _ *string, _ *model.StatementFilter) int {
		return listCost(child, first, last)
	}
	c.Query.Disputes = func(child int, first *int, _ *string, last *int, _ *string, _ *model.DisputeFilter) int {
		return listCost(child, first, last)
	}
	c.Query.Verifications = func(child int, first *int, _ *string, last *int, _ *string) int {
		return listCost(child, first, last)
	}
	c.Query.Discrepancies = func(child int, first *int, _ *string, last *int, _ *string, _ *model.DiscrepancyFilter) int {
		return listCost(child, first, last)
	}
	c.Query.ClickHours = func(child int, first *int, _ *string, last *int, _ *string, _ *model.ClickHourFilter) int {
		return listCost(child, first, last)
	}
	c.Statement.Lines = func(child int, first *int, _ *string) int { return listCost(child, first, nil) }
	c.SavedReport.Runs = func(child int, first *int, _ *string, last *int, _ *string) int {
		return listCost(child, first, last)
	}

	c.Query.RedirectAudits = func(child int, first *int, _ *string, last *int, _ *string, _ *model.RedirectAuditFilter) int {
		return listCost(child, first, last)
	}

	c.Query.Reconciliations = func(child int, first *int, _ *string, last *int, _ *string, _ *model.ReconciliationFilter) int {
		return listCost(child, first, last)
	}
	c.Reconciliation.Items = func(child int, first *int, _ *string, last *int, _ *string, _ []proofback.DifferenceKind) int {
		return listCost(child, first, last)
	}
	c.Reconciliation.BadLines = func(child int, _ *int) int { return capped(1, proofback.MaxPage*child) }
	c.CorrectReconciliationPayload.Adjusted = func(child int) int { return capped(1, proofback.MaxPage*child) }
	c.Reconciliation.Summary = func(child int) int { return capped(1, someRows*child) }

	c.RedirectAudit.Hops = func(child int) int { return 1 + fewRows*child }
	// A report's rows are numbers of one statement, with nothing to be fetched beside.
	c.Query.Report = func(child int, in model.ReportInput) int {
		rows := min(max(orElse(in.First, defaultReportPage), 1), proofback.MaxReportPage)
		return capped(1, child, child*rows/10)
	}
	c.Query.ExchangeRates = func(child int, _ time.Time, _ string) int { return capped(1, someRows*child) }

	c.Conversion.Adjustments = func(child int) int { return 1 + fewRows*child }
	c.Conversion.Transitions = func(child int) int { return 1 + fewRows*child }
	c.Conversion.Deliveries = func(child int) int { return 1 + fewRows*child }
	// Each proof is read by itself: there is no call for many of them.
	c.Conversion.Proof = func(child int) int { return capped(someRows, child) }
	c.Statement.Proof = func(child int) int { return capped(someRows, child) }
	c.Delivery.Attempts = func(child int) int { return 1 + fewRows*child }
	c.Offer.Goals = func(child int) int { return 1 + fewRows*child }

	c.Mutation.ReplayPostbacks = func(child int, in model.ReplayPostbacksInput) int { return capped(1, replayed(in)*child) }
	c.Mutation.ApproveConversions = func(child int, in model.ApproveConversionsInput) int { return capped(1, len(in.Ids)*child) }
	c.Mutation.RejectConversions = func(child int, in model.RejectConversionsInput) int { return capped(1, len(in.Ids)*child) }
	c.Mutation.AdjustConversions = func(child int, in model.AdjustConversionsInput) int { return capped(1, len(in.Adjustments)*child) }
	c.Mutation.RetryDeliveries = func(child int, _ model.RetryDeliveriesInput) int { return capped(1, proofback.MaxPage*child) }
	return c
}

// listCost is what a page costs. A size that is out of bounds is refused later,
// by its resolver.
func listCost(child int, first, last *int) int {
	size := orElse(first, orElse(last, defaultPage))
	return capped(1, min(max(size, 1), proofback.MaxPage)*child)
}

// replayed is how many requests a replay may answer with.
func replayed(in model.ReplayPostbacksInput) int {
	if in.Filter != nil {
		return proofback.MaxPage
	}
	return len(in.Ids)
}
