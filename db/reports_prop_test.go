package db_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

func TestReportsAgreeWithAPlainRecount(t *testing.T) {
	t.Parallel()
	for seed, prepare := range []func(*reportWorld){
		func(*reportWorld) {}, // nothing is rolled up
		func(w *reportWorld) { // up to the middle of a day, and clicks came late since
			w.now = worldFrom.AddDate(0, 0, 20).Add(5*time.Hour + 20*time.Minute)
			w.rollUp(t)
			w.visit(t, 15)
			w.convert(t, 10)
		},
		func(w *reportWorld) { // all of it, with what came late
			w.rollUp(t)
			w.visit(t, 60)
			w.rollUp(t)
		},
	} {
		w := newReportWorld(t, uint64(seed))
		prepare(w)
		rapid.Check(t, func(r *rapid.T) {
			in, actor := w.drawReport(r), w.drawActor(r)
			want, totals := w.count(actor, in)
			got := map[string]*proofback.Metrics{}
			for {
				report, err := w.store.Report(t.Context(), actor, in)
				if err != nil {
					r.Fatalf("%+v: %v", in, err)
				}
				if diff := cmp.Diff(totals, &report.Totals); diff != "" {
					r.Fatalf("%s %+v: totals: %s", actor.Role, in, diff)
				}
				for _, row := range report.Rows {
					key := rowKey(row)
					if got[key] != nil {
						r.Fatalf("%+v: %s comes twice", in, key)
					}
					got[key] = &row.Metrics
					in.After = row.Cursor
				}
				if !report.HasMore {
					break
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				r.Fatalf("%s %+v: %s", actor.Role, in, diff)
			}
		})
	}
}

// rowKey is a row's key as reportWorld.key makes it.
func rowKey(row proofback.ReportRow) string {
	parts := make([]string, len(row.Keys))
	for i, k := range row.Keys {
		parts[i] = k.Value
		if k.Dimension == proofback.DimHour {
			parts[i] = k.Value[:len("2006-01-02T15")] + k.Value[len("2006-01-02T15:04:05"):]
			if strings.HasSuffix(k.Value, "Z") {
				parts[i] = k.Value[:len("2006-01-02T15")] + "+00:00"
			}
		}
	}
	return strings.Join(parts, "|")
}

func (w *reportWorld) drawReport(r *rapid.T) proofback.ReportInput {
	zone, err := time.LoadLocation(rapid.SampledFrom([]string{
		"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Havana", "Pacific/Apia",
	}).Draw(r, "zone"))
	if err != nil {
		r.Fatal(err)
	}
	from := worldFrom.Add(time.Duration(rapid.IntRange(-100, 2500).Draw(r, "from")) * 15 * time.Minute)
	in := proofback.ReportInput{
		Range:    proofback.TimeRange{From: from, To: from.Add(time.Duration(rapid.IntRange(1, 3000).Draw(r, "length")) * 15 * time.Minute)},
		Zone:     zone,
		Currency: rapid.SampledFrom(worldCurrencies).Draw(r, "currency"),
		Basis:    rapid.SampledFrom([]proofback.TimeBasis{"", proofback.BasisEvent, proofback.BasisReceived, proofback.BasisClick}).Draw(r, "basis"),
		GroupBy: rapid.SliceOfNDistinct(rapid.SampledFrom([]proofback.Dimension{
			proofback.DimHour, proofback.DimDay, proofback.DimWeek, proofback.DimMonth, proofback.DimOffer, proofback.DimAffiliate,
			proofback.DimAdvertiser, proofback.DimGoal, proofback.DimCountry, proofback.DimDevice, proofback.DimSource, proofback.DimCreative,
			proofback.DimSub1, proofback.DimSub10,
		}), 0, 3, rapid.ID).Draw(r, "by"),
		Descending: rapid.Bool().Draw(r, "descending"),
		Limit:      rapid.SampledFrom([]int{23, 1000}).Draw(r, "limit"),
	}
	in.OrderBy = rapid.SampledFrom([]proofback.Metric{"", "", proofback.MetricClicks, proofback.MetricConversionRate, proofback.MetricConversions}).Draw(r, "order")
	f := &in.Filter
	if rapid.Bool().Draw(r, "filtered") {
		ids := func(list []uuid.UUID, name string) []uuid.UUID {
			return rapid.SliceOfNDistinct(rapid.SampledFrom(list), 0, 2, rapid.ID).Draw(r, name)
		}
		f.OfferIDs, f.AffiliateIDs, f.AdvertiserIDs = ids(w.offers, "offers"), ids(w.affiliates, "affiliates"), ids(w.advertisers, "advertisers")
		f.EventTypes = rapid.SampledFrom([][]string{nil, {"sale"}}).Draw(r, "events")
		f.Countries = rapid.SampledFrom([][]string{nil, nil, {"DE"}}).Draw(r, "countries")
		f.Devices = rapid.SampledFrom([][]proofback.Device{nil, nil, {proofback.DeviceMobile}}).Draw(r, "devices")
		if f.SubIndex = rapid.SampledFrom([]int{0, 0, 1, 10}).Draw(r, "sub"); f.SubIndex > 0 {
			f.SubValue = "x"
		}
	}
	return in
}

func (w *reportWorld) drawActor(r *rapid.T) proofback.Actor {
	return rapid.SampledFrom([]proofback.Actor{
		{Role: proofback.RoleManager},
		{Role: proofback.RoleAffiliate, AffiliateID: w.affiliates[0]},
		{Role: proofback.RoleAdvertiser, AdvertiserID: w.advertisers[0]},
	}).Draw(r, "actor")
}

func (w *reportWorld) rollUp(t testing.TB) {
	t.Helper()
	if steps, err := w.store.RollUp(t.Context(), proofback.System()); err != nil || steps == 0 {
		t.Fatalf("%d steps, %v", steps, err)
	}
	found := 0
	_, err := w.store.VerifyRollups(t.Context(), proofback.System(), func(d db.RollupDifference) error {
		found++
		t.Errorf("%s", d)
		return nil
	})
	if err != nil || found > 0 {
		t.Fatalf("%d differences, %v", found, err)
	}
}
