package graph_test

import (
	"testing"

	"github.com/proofback/proofback"
)

// TestEveryRoleMayRead runs each operation that reads as each role: what is not
// for a role is missing from its lists, and no list is refused.
func TestEveryRoleMayRead(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	for role, actor := range map[string]proofback.Actor{
		"admin": admin, "manager": manager, "affiliate": m.asBlog, "advertiser": m.asShop,
	} {
		for operation, v := range map[string]vars{
			"Viewer":      nil,
			"Offers":      {"first": 100, "filter": vars{"status": "ACTIVE", "search": "p"}},
			"Clicks":      {"first": 100, "filter": vars{"from": "2026-01-01T00:00:00Z", "bot": false, "sub": vars{"index": 1, "value": "x"}}},
			"Conversions": {"first": 100, "filter": vars{"timeBasis": "CLICK", "statuses": []string{"APPROVED"}}, "orderBy": vars{"field": "RECEIVED_AT", "direction": "ASC"}},
			"Postbacks":   {"first": 100, "filter": vars{"results": []string{"REJECTED"}, "reasons": []string{"UNKNOWN_CLICK"}}},
			"Deliveries":  {"first": 100, "filter": vars{"statuses": []string{"FAILED"}}},
			"Trace":       {"by": vars{"transactionId": "none"}},
		} {
			t.Run(operation+" as "+role, func(t *testing.T) {
				t.Parallel()
				m.must(actor, operation, v)
			})
		}
	}
}
