package db_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// reportWorlds are worlds at different times of being rolled up.
var reportWorlds = []func(testing.TB, *reportWorld){
	func(testing.TB, *reportWorld) {}, // nothing is
	func(t testing.TB, w *reportWorld) { // up to the middle of a day, and much came since
		w.now = worldFrom.AddDate(0, 0, 20).Add(5*time.Hour + 20*time.Minute)
		w.rollUp(t)
		w.visit(t, 15)
		w.convert(t, 10)
		w.move(t, 40)
	},
	func(t testing.TB, w *reportWorld) { // all of it, with what came and changed late
		w.rollUp(t)
		w.visit(t, 60)
		w.convert(t, 30)
		w.move(t, 40)
		w.rollUp(t)
	},
	func(t testing.TB, w *reportWorld) { // all of it, but for what changed since
		w.rollUp(t)
		w.move(t, 40)
		w.convert(t, 30)
		w.move(t, 40)
	},
	func(t testing.TB, w *reportWorld) { // a day that grew quarter hour by quarter hour
		for at := worldFrom.AddDate(0, 0, 3); at.Before(worldFrom.AddDate(0, 0, 4)); at = at.Add(15 * time.Minute) {
			w.now = at
			if _, err := w.store.RollUp(t.Context(), proofback.System()); err != nil {
				t.Fatal(err)
			}
		}
		w.now = worldTo
		w.rollUp(t)
	},
}

func TestReportsAgreeWithAPlainRecount(t *testing.T) {
	t.Parallel()
	for seed, prepare := range reportWorlds {
		w := newReportWorld(t, uint64(seed))
		prepare(t, w)
		rapid.Check(t, func(r *rapid.T) { w.agree(r, w.drawActor(r), w.drawReport(r)) })
	}
}

func TestReportsByEveryDimensionAgreeWithAPlainRecount(t *testing.T) {
	t.Parallel()
	w := newReportWorld(t, 77)
	reportWorlds[1](t, w)
	zone, err := time.LoadLocation("Asia/Kolkata")
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range worldDimensions {
		by := [][]proofback.Dimension{{d}}
		if d != proofback.DimDay {
			by = append(by, []proofback.Dimension{proofback.DimDay, d})
		}
		if d != proofback.DimOffer && d != proofback.DimGoal {
			by = append(by, []proofback.Dimension{d, proofback.DimGoal, proofback.DimOffer})
		}
		for _, by := range by {
			in := proofback.ReportInput{
				Range: proofback.TimeRange{From: worldFrom.Add(-time.Hour), To: worldTo}, Zone: zone, Currency: "EUR", GroupBy: by, Limit: 1000,
				Basis: []proofback.TimeBasis{proofback.BasisEvent, proofback.BasisReceived, proofback.BasisClick}[i%3],
			}
			for _, actor := range w.actors() {
				w.agree(t, actor, in)
			}
		}
	}
}

// agree makes a report, page by page, and counts it again by hand.
func (w *reportWorld) agree(t interface {
	Fatalf(string, ...any)
	Context() context.Context
}, actor proofback.Actor, in proofback.ReportInput,
) {
	want, totals := w.count(actor, in)
	got := map[string]*proofback.Metrics{}
	for {
		report, err := w.store.Report(t.Context(), actor, in)
		if err != nil {
			t.Fatalf("%+v: %v", in, err)
		}
		if diff := cmp.Diff(totals, &report.Totals); diff != "" {
			t.Fatalf("%s %+v: totals: %s", actor.Role, in, diff)
		}
		for _, row := range report.Rows {
			key := rowKey(row)
			if got[key] != nil {
				t.Fatalf("%+v: %s comes twice", in, key)
			}
			got[key] = &row.Metrics
			in.After = row.Cursor
		}
		if !report.HasMore {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s %+v: %s", actor.Role, in, diff)
	}
}

// worldDimensions are all that there are.
var worldDimensions = []proofback.Dimension{
	proofback.DimHour, proofback.DimDay, proofback.DimWeek, proofback.DimMonth, proofback.DimOffer, proofback.DimAffiliate,
	proofback.DimAdvertiser, proofback.DimGoal, proofback.DimCountry, proofback.DimDevice, proofback.DimSource, proofback.DimCreative,
	proofback.DimSub1, proofback.DimSub2, proofback.DimSub3, proofback.DimSub4, proofback.DimSub5,
	proofback.DimSub6, proofback.DimSub7, proofback.DimSub8, proofback.DimSub9, proofback.DimSub10,
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
		Range:      proofback.TimeRange{From: from, To: from.Add(time.Duration(rapid.IntRange(1, 3000).Draw(r, "length")) * 15 * time.Minute)},
		Zone:       zone,
		Currency:   rapid.SampledFrom(worldCurrencies).Draw(r, "currency"),
		Basis:      rapid.SampledFrom([]proofback.TimeBasis{"", proofback.BasisEvent, proofback.BasisReceived, proofback.BasisClick}).Draw(r, "basis"),
		GroupBy:    rapid.SliceOfNDistinct(rapid.SampledFrom(worldDimensions), 0, 3, rapid.ID).Draw(r, "by"),
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
	return rapid.SampledFrom(w.actors()).Draw(r, "actor")
}

func (w *reportWorld) actors() []proofback.Actor {
	return []proofback.Actor{
		{Role: proofback.RoleManager},
		{Role: proofback.RoleAffiliate, AffiliateID: w.affiliates[0]},
		{Role: proofback.RoleAdvertiser, AdvertiserID: w.advertisers[0]},
	}
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
