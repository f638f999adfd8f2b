package export

import (
	"context"
	"strings"
	"time"

	"github.com/proofback/proofback"
)

func (e *Exports) report(ctx context.Context, actor proofback.Actor, p *params, f *file) error {
	in := e.reportInput(p)
	if err := p.err(); err != nil {
		return err
	}
	begin := func() error { return f.begin("report.csv", proofback.ReportColumns(in.GroupBy)) }
	err := e.Store.EachReportRow(ctx, actor, in, func(rows []proofback.ReportRow) error {
		if !f.begun {
			if err := begin(); err != nil {
				return err
			}
		}
		for i := range rows {
			if err := f.row(rows[i].Cells(in.Currency)); err != nil {
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
