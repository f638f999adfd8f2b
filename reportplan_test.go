package proofback

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// Levels such as there are, the smallest first.
var testLevels = []ReportLevel{
	{24 * time.Hour, []Dimension{DimOffer, DimAdvertiser}},
	{24 * time.Hour, []Dimension{DimOffer, DimAdvertiser, DimAffiliate, DimSub1}},
	{time.Hour, []Dimension{DimOffer, DimAdvertiser}},
	{15 * time.Minute, []Dimension{DimOffer, DimAdvertiser, DimAffiliate}},
}

func TestAReportReadsTheSmallestLevelThatTellsIt(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	week := TimeRange{from, from.AddDate(0, 0, 7)}
	there := RolledUp{TimeRange: TimeRange{from.AddDate(0, -1, 0), from.AddDate(0, 1, 0)}}
	affiliate := Actor{Role: RoleAffiliate, AffiliateID: uuid.New()}
	for _, tt := range []struct {
		name  string
		zone  string
		by    []Dimension
		actor Actor
		f     ReportFilter
		want  int
	}{
		{"days in UTC", "UTC", []Dimension{DimDay, DimOffer}, System(), ReportFilter{}, 0},
		{"hours in UTC", "UTC", []Dimension{DimHour}, System(), ReportFilter{}, 2},
		{"days elsewhere", "Europe/Berlin", []Dimension{DimDay, DimGoal}, System(), ReportFilter{}, 2},
		{"days in Nepal", "Asia/Kathmandu", []Dimension{DimDay}, System(), ReportFilter{}, 3},
		{"no time in Nepal", "Asia/Kathmandu", []Dimension{DimOffer}, System(), ReportFilter{}, 0},
		{"an affiliate", "UTC", []Dimension{DimDay}, affiliate, ReportFilter{}, 1},
		{"an affiliate elsewhere", "Europe/Berlin", []Dimension{DimDay}, affiliate, ReportFilter{}, 3},
		{"a sub", "UTC", []Dimension{DimDay}, System(), ReportFilter{SubIndex: 1, SubValue: "x"}, 1},
		{"another sub", "UTC", []Dimension{DimDay}, System(), ReportFilter{SubIndex: 10, SubValue: "x"}, -1},
		{"a sub elsewhere", "Europe/Berlin", []Dimension{DimDay, DimSub1}, System(), ReportFilter{}, -1},
		{"countries", "UTC", []Dimension{DimDay}, System(), ReportFilter{Countries: []string{"DE"}}, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in := &ReportInput{Range: week, Zone: zoneOf(t, tt.zone), GroupBy: tt.by, Filter: tt.f}
			spans, err := NewTimeline(in.Range, in.Zone, in.GroupBy)
			if err != nil {
				t.Fatal(err)
			}
			if got := PlanReport(in, tt.actor, spans, testLevels, there); got.Level != tt.want {
				t.Errorf("level %d, want %d", got.Level, tt.want)
			}
			if got := PlanReport(in, tt.actor, spans, testLevels, RolledUp{}); got.Level != -1 || !cmp.Equal(got.Raw, []TimeRange{week}) {
				t.Errorf("with nothing rolled up: %v", got)
			}
		})
	}
}

func TestEveryMomentIsCountedOnce(t *testing.T) {
	t.Parallel()
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 3, day, hour, minute, 0, 0, time.UTC) }
	in := &ReportInput{Range: TimeRange{at(1, 6, 10), at(9, 3, 20)}, Zone: time.UTC, GroupBy: []Dimension{DimDay, DimOffer}}
	spans, err := NewTimeline(in.Range, in.Zone, in.GroupBy)
	if err != nil {
		t.Fatal(err)
	}
	there := RolledUp{
		TimeRange: TimeRange{at(1, 0, 0), at(8, 17, 15)},
		Late:      []time.Time{at(1, 0, 0), at(2, 5, 15), at(5, 0, 0), at(5, 23, 45), at(8, 1, 0)},
	}
	want := ReportPlan{
		Rolled: TimeRange{at(2, 0, 0), at(8, 0, 0)},
		Except: []time.Time{at(2, 0, 0), at(5, 0, 0)},
		Raw:    []TimeRange{{at(1, 6, 10), at(3, 0, 0)}, {at(5, 0, 0), at(6, 0, 0)}, {at(8, 0, 0), at(9, 3, 20)}},
	}
	if diff := cmp.Diff(want, PlanReport(in, System(), spans, testLevels[:1], there)); diff != "" {
		t.Error(diff)
	}
	for i := range 100 {
		there.Late = append(there.Late, at(8, 2, 0).Add(time.Duration(2*i)*LateUnit))
	}
	in.GroupBy, in.Range.To, there.To = nil, at(12, 0, 0), at(12, 0, 0)
	spans.Starts = spans.Starts[:1]
	if got := PlanReport(in, System(), spans, testLevels[3:], there); got.Level != -1 {
		t.Errorf("too many pieces: %d", len(got.Raw))
	}
}
