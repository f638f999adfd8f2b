package graph

import (
	"context"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/model"
)

// defaultReportPage is how many rows a report gives when it is not asked for a
// number.
const defaultReportPage = 100

func (q *query) Report(ctx context.Context, in model.ReportInput) (*model.Report, error) {
	ask, err := reportInput(in)
	if err != nil {
		return nil, err
	}
	r, err := q.Store.Report(ctx, ActorFrom(ctx), ask)
	if err != nil {
		return nil, err
	}
	out := &model.Report{
		Currency: r.Currency,
		TimeZone: r.Zone.String(),
		From:     r.Range.From,
		To:       r.Range.To,
		AsOf:     r.AsOf,
		Rows:     []*model.ReportRow{},
		Totals:   showMetrics(&r.Totals),
		PageInfo: &model.PageInfo{HasNextPage: r.HasMore, HasPreviousPage: ask.After != ""},
	}
	for i := range r.Rows {
		row := &r.Rows[i]
		out.Rows = append(out.Rows, &model.ReportRow{Key: show(row.Keys, showReportKey), Metrics: showMetrics(&row.Metrics)})
		if i == 0 {
			out.PageInfo.StartCursor = &row.Cursor
		}
		out.PageInfo.EndCursor = &row.Cursor
	}
	return out, nil
}

// reportInput reads what a report is asked for.
func reportInput(in model.ReportInput) (proofback.ReportInput, error) {
	var ids idReader
	order := orZero(in.OrderBy)
	ask := proofback.ReportInput{
		Range:      proofback.TimeRange{From: in.From, To: in.To},
		Currency:   orZero(in.Currency),
		Basis:      orZero(in.TimeBasis),
		GroupBy:    in.GroupBy,
		OrderBy:    order.Metric,
		Descending: in.OrderBy != nil && orZero(order.Direction) != model.OrderDirectionAsc,
		Limit:      orElse(in.First, defaultReportPage),
		AsOf:       orZero(in.AsOf),
		After:      orZero(in.After),
		Filter:     reportFilter(&ids, in.Filter),
	}
	if in.GroupBy == nil {
		ask.GroupBy = []proofback.Dimension{proofback.DimDay}
	}
	ask.Zone = ids.zone(orElse(in.TimeZone, "UTC"), "timeZone")
	return ask, ids.err()
}

// reportFilter reads what is counted; at is the path that leads to it.
func reportFilter(ids *idReader, in *model.ReportFilter, at ...string) proofback.ReportFilter {
	f := orZero(in)
	sub := orZero(f.Sub)
	path := func(names ...string) []string { return append(append(at[:len(at):len(at)], "filter"), names...) }
	if f.Sub != nil && sub.Index == 0 {
		ids.problems.Add(path("sub", "index"), "there are sub1 to sub10, and no sub0")
	}
	return proofback.ReportFilter{
		OfferIDs:      ids.list(proofback.KindOffer, f.OfferIds, path("offerIds")...),
		AffiliateIDs:  ids.list(proofback.KindAffiliate, f.AffiliateIds, path("affiliateIds")...),
		AdvertiserIDs: ids.list(proofback.KindAdvertiser, f.AdvertiserIds, path("advertiserIds")...),
		EventTypes:    f.EventTypes,
		Countries:     f.Countries,
		Devices:       f.Devices,
		SubIndex:      sub.Index,
		SubValue:      sub.Value,
	}
}

// list reads ids of kind k.
func (r *idReader) list(k proofback.Kind, ids []string, path ...string) []uuid.UUID {
	out := make([]uuid.UUID, len(ids))
	for i, id := range ids {
		out[i] = r.one(k, id, append(path[:len(path):len(path)], strconv.Itoa(i))...)
	}
	return out
}

// zone reads a time zone.
func (r *idReader) zone(name string, path ...string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" || name == "" {
		r.problems.Add(path, "%.40q is not a time zone of the IANA database: send a name such as Europe/Berlin", name)
		return time.UTC
	}
	return zone
}

func showReportKey(k proofback.ReportKey) *model.ReportKey {
	return &model.ReportKey{Dimension: k.Dimension, Value: orNull(k.Value), Label: k.Label}
}

func showMetrics(m *proofback.Metrics) *model.ReportMetrics {
	return &model.ReportMetrics{
		Clicks:           int(m.Clicks),
		BotClicks:        int(m.BotClicks),
		Conversions:      int(m.Conversions()),
		Pending:          int(m.Pending),
		Approved:         int(m.Approved),
		Rejected:         int(m.Rejected),
		ConversionRate:   orNull(m.ConversionRate()),
		Payout:           orNull(m.Payout),
		PendingPayout:    orNull(m.PendingPayout),
		Revenue:          orNull(m.Revenue),
		Margin:           orNull(m.Margin),
		EarningsPerClick: orNull(m.EarningsPerClick()),
		AwaitingRate: &model.AwaitingRate{
			Count: int(m.Awaiting),
			Amounts: show(m.AwaitingAmounts, func(a proofback.AwaitingAmount) *model.AwaitingAmount {
				return &model.AwaitingAmount{Kind: a.Kind, Amount: a.Money.Amount, Currency: a.Money.Currency}
			}),
		},
	}
}

func (q *query) ExchangeRates(ctx context.Context, date time.Time, base string) ([]*model.ExchangeRate, error) {
	rates, err := q.Store.ExchangeRates(ctx, ActorFrom(ctx), date, base)
	if err != nil {
		return nil, err
	}
	return show(rates, func(r proofback.ExchangeRate) *model.ExchangeRate {
		return &model.ExchangeRate{Base: r.Base, Quote: r.Quote, Rate: r.Rate, Date: r.Day, Source: r.Source}
	}), nil
}
