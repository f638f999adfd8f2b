package graph_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proofback/proofback"
)

// today is a report's input that takes in everything a test does.
func today(more vars) vars {
	day := time.Now().UTC().Truncate(24 * time.Hour)
	in := vars{"from": day.AddDate(0, 0, -1).Format(time.RFC3339), "to": day.AddDate(0, 0, 2).Format(time.RFC3339)}
	for k, v := range more {
		in[k] = v
	}
	return vars{"input": in}
}

func TestAReportTellsEverybodyWhatConcernsThem(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	click := l.click(l.blog)
	l.click(l.blog)
	l.click(l.rival)
	l.sale(click, "1")
	l.must(manager, "ApproveConversions", vars{"input": vars{"ids": []string{l.sale(click, "2")}}})
	cash := func(amount string) any { return map[string]any{"amount": amount, "currency": "EUR"} }
	for _, tt := range []struct {
		name  string
		actor proofback.Actor
		want  map[string]any
	}{
		{"staff", manager, vars{
			"clicks": 3.0, "conversionRate": "0.666667",
			"payout": cash(secretPayout), "pendingPayout": cash(secretPayout), "revenue": cash(secretRevenue), "margin": cash("4.23"), "earningsPerClick": cash("9.060000"),
		}},
		{"affiliate", l.asBlog, vars{
			"clicks": 2.0, "conversionRate": "1.000000",
			"payout": cash(secretPayout), "pendingPayout": cash(secretPayout), "revenue": nil, "margin": nil, "earningsPerClick": cash("13.590000"),
		}},
		{"advertiser", l.asShop, vars{
			"clicks": 3.0, "conversionRate": "0.666667",
			"payout": nil, "pendingPayout": nil, "revenue": cash(secretRevenue), "margin": nil, "earningsPerClick": nil,
		}},
		{"another advertiser", l.asOther, vars{
			"clicks": 0.0, "conversions": 0.0, "pending": 0.0, "approved": 0.0, "conversionRate": nil,
			"payout": nil, "pendingPayout": nil, "revenue": cash("0.00"), "margin": nil, "earningsPerClick": nil,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want := map[string]any{"botClicks": 0.0, "conversions": 2.0, "pending": 1.0, "approved": 1.0, "rejected": 0.0}
			for k, v := range tt.want {
				want[k] = v
			}
			got := l.must(tt.actor, "Report", today(nil))
			if diff := cmp.Diff(want, got.at("report", "totals")); diff != "" {
				t.Error(diff)
			}
			rows := got.at("report", "rows").([]any)
			if len(rows) != 3 || got.at("report", "rows", 1, "key", 0, "value") != time.Now().UTC().Format(time.DateOnly) {
				t.Errorf("%d days: %v", len(rows), rows)
			}
			if diff := cmp.Diff(want, got.at("report", "rows", 1, "metrics")); diff != "" {
				t.Error(diff)
			}
			if got.at("report", "currency") != "EUR" || got.at("report", "timeZone") != "UTC" || got.at("report", "pageInfo", "hasNextPage") != false {
				t.Errorf("got %v", got.Data)
			}
		})
	}
}

func TestReportsGoPageByPageAndByName(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.click(l.blog)
	l.click(l.blog)
	l.click(l.rival)
	order := vars{"groupBy": []string{"AFFILIATE", "COUNTRY"}, "orderBy": vars{"metric": "CLICKS", "direction": "DESC"}, "first": 1}
	page := l.must(manager, "Report", today(order))
	first := page.at("report", "rows", 0, "key", 0)
	if diff := cmp.Diff(map[string]any{"dimension": "AFFILIATE", "value": l.blog, "label": "Blog"}, first); diff != "" {
		t.Error(diff)
	}
	if page.at("report", "totals", "clicks") != 3.0 || page.at("report", "pageInfo", "hasNextPage") != true {
		t.Errorf("got %v", page.Data)
	}
	order["after"] = page.id("report", "pageInfo", "endCursor")
	page = l.must(manager, "Report", today(order))
	if page.at("report", "rows", 0, "key", 0, "value") != l.rival || page.at("report", "rows", 0, "key", 1, "value") != "DE" ||
		page.at("report", "totals", "clicks") != 3.0 || page.at("report", "pageInfo", "hasNextPage") != false {
		t.Errorf("got %v", page.Data)
	}
}

func TestWhatAReportCannotTellIsRefused(t *testing.T) {
	t.Parallel()
	a := newMarket(t)
	for i, tt := range []struct {
		actor proofback.Actor
		more  vars
		code  string
	}{
		{manager, vars{"to": "2020-01-01T00:00:00Z"}, "BAD_USER_INPUT"},
		{manager, vars{"timeZone": "Mars/Olympus"}, "BAD_USER_INPUT"},
		{manager, vars{"timeZone": "Local"}, "BAD_USER_INPUT"},
		{manager, vars{"currency": "EURO"}, "BAD_USER_INPUT"},
		{manager, vars{"groupBy": []string{"DAY", "DAY"}}, "BAD_USER_INPUT"},
		{manager, vars{"first": 0}, "BAD_USER_INPUT"},
		{manager, vars{"after": "x"}, "BAD_USER_INPUT"},
		{manager, vars{"filter": vars{"offerIds": []string{a.shop}}}, "BAD_USER_INPUT"},
		{manager, vars{"filter": vars{"sub": vars{"index": 0, "value": "x"}}}, "BAD_USER_INPUT"},
		{a.asBlog, vars{"orderBy": vars{"metric": "REVENUE"}}, "FORBIDDEN"},
		{a.asShop, vars{"orderBy": vars{"metric": "PAYOUT"}}, "FORBIDDEN"},
		{nobody, nil, "UNAUTHENTICATED"},
	} {
		if got := a.run(tt.actor, "Report", today(tt.more)); got.code() != tt.code {
			t.Errorf("%d %v: %+v", i, tt.more, got.Errors)
		}
	}
}

func TestExchangeRatesAreThoseInForceOnTheDay(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	if _, err := a.store.LoadShippedRates(t.Context(), proofback.System()); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ date, base, quote, want string }{
		{"2024-01-01", "EUR", "USD", "1.105 2023-12-29 ECB"},  // New Year's Day
		{"2024-01-07", "EUR", "USD", "1.0921 2024-01-05 ECB"}, // a Sunday
		{"2024-01-07", "USD", "EUR", "0.9156670635 2024-01-05 ECB"},
		{"2024-01-07", "USD", "JPY", "145.1973263 2024-01-05 ECB"},
		{"2022-12-30", "EUR", "HRK", "7.5365 2022-12-30 ECB"},
		{"2023-02-01", "EUR", "HRK", ""},
		{"2009-06-01", "EUR", "ISK", ""},
		{"2022-06-01", "EUR", "RUB", ""},
	} {
		text := ""
		for _, rate := range a.must(a.viewer(), "ExchangeRates", vars{"date": tt.date, "base": tt.base}).at("exchangeRates").([]any) {
			r := rate.(map[string]any)
			if r["quote"] == tt.quote {
				text = strings.TrimSpace(fmt.Sprint(r["rate"], " ", r["date"], " ", r["source"]))
			}
		}
		if text != tt.want {
			t.Errorf("%s %s/%s: got %q, want %q", tt.date, tt.base, tt.quote, text, tt.want)
		}
	}
	if got := a.run(manager, "ExchangeRates", vars{"date": "2024-01-01", "base": "EURO"}); got.code() != "BAD_USER_INPUT" {
		t.Errorf("%+v", got.Errors)
	}
}

// viewer is somebody who is signed in, and no more.
func (a *api) viewer() proofback.Actor {
	return proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: mustKey(a.t, unknownID(proofback.KindAffiliate))}
}
