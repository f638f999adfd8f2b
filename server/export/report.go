package export

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/proofback/proofback"
)

func (e *Exports) report(ctx context.Context, actor proofback.Actor, p *params, f *file) error {
	in := e.reportInput(p)
	if err := p.err(); err != nil {
		return err
	}
	begin := func() error {
		var columns []string
		for _, d := range in.GroupBy {
			name := strings.ToLower(string(d))
			if columns = append(columns, name); d.IDKind() != "" {
				columns = append(columns, name+"_name")
			}
		}
		return f.begin("report.csv", append(columns,
			"clicks", "bot_clicks", "conversions", "pending", "approved", "rejected", "conversion_rate",
			"payout", "pending_payout", "revenue", "margin", "earnings_per_click", "currency", "awaiting_rate", "awaiting_amounts", "cursor"))
	}
	err := e.Store.EachReportRow(ctx, actor, in, func(rows []proofback.ReportRow) error {
		if !f.begun {
			if err := begin(); err != nil {
				return err
			}
		}
		for i := range rows {
			if err := f.row(reportCells(&rows[i], in.Currency)); err != nil {
				return err
			}
		}
		return f.flush()
	})
	if err == nil && !f.begun {
		err = begin()
	}
	return err
}

func (e *Exports) reportInput(p *params) proofback.ReportInput {
	in := proofback.ReportInput{
		Range:    proofback.TimeRange{From: p.time("from"), To: p.time("to")},
		Currency: strings.ToUpper(p.text("currency")),
		Basis:    oneOf(p, "timeBasis", bases...),
		After:    p.text("after"),
		AsOf:     p.time("asOf"),
		Filter: proofback.ReportFilter{
			OfferIDs:      p.ids(proofback.KindOffer, "offerIds"),
			AffiliateIDs:  p.ids(proofback.KindAffiliate, "affiliateIds"),
			AdvertiserIDs: p.ids(proofback.KindAdvertiser, "advertiserIds"),
			EventTypes:    p.list("eventTypes"),
			Countries:     p.list("countries"),
		},
	}
	if in.Currency == "" {
		in.Currency = e.Store.Currency()
	}
	zone := p.text("timeZone")
	var err error
	if in.Zone, err = time.LoadLocation(zone); err != nil || zone == "Local" { // "" is UTC
		p.problems.Add([]string{"timeZone"}, "%.40q is not a time zone of the IANA database: send a name such as Europe/Berlin", zone)
	}
	for _, d := range p.list("groupBy") {
		in.GroupBy = append(in.GroupBy, proofback.Dimension(strings.ToUpper(d)))
	}
	if in.GroupBy == nil {
		in.GroupBy = []proofback.Dimension{proofback.DimDay}
	}
	for _, d := range p.list("devices") {
		in.Filter.Devices = append(in.Filter.Devices, proofback.Device(strings.ToUpper(d)))
	}
	in.Filter.SubIndex, in.Filter.SubValue = p.sub()
	in.OrderBy = oneOf(p, "orderBy", proofback.AllMetrics()...)
	in.Descending = oneOf(p, "direction", "ASC", "DESC") != "ASC" && in.OrderBy != ""
	return in
}

func reportCells(r *proofback.ReportRow, currency string) []string {
	var cells []string
	for _, k := range r.Keys {
		if cells = append(cells, k.Value); k.Dimension.IDKind() != "" {
			cells = append(cells, k.Label)
		}
	}
	m := &r.Metrics
	for _, n := range [...]int64{m.Clicks, m.BotClicks, m.Conversions(), m.Pending, m.Approved, m.Rejected} {
		cells = append(cells, strconv.FormatInt(n, 10))
	}
	waiting := make([]string, len(m.AwaitingAmounts))
	for i, a := range m.AwaitingAmounts {
		waiting[i] = string(a.Kind) + " " + string(a.Money.Amount) + " " + a.Money.Currency
	}
	return append(cells, string(m.ConversionRate()),
		string(m.Payout.Amount), string(m.PendingPayout.Amount), string(m.Revenue.Amount), string(m.Margin.Amount),
		string(m.EarningsPerClick().Amount), currency,
		strconv.FormatInt(m.Awaiting, 10), strings.Join(waiting, "; "), r.Cursor)
}
