package proofback

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// Levels such as there are, the smallest first.
var testLevels = []ReportLevel{
	{Dimensions: []Dimension{DimOffer, DimAdvertiser}, Fine: true},
	{Dimensions: []Dimension{DimOffer, DimAdvertiser, DimAffiliate}, Fine: true},
	{Dimensions: []Dimension{DimOffer, DimAdvertiser, DimAffiliate, DimSub1}, Fine: false},
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
		{"hours in UTC", "UTC", []Dimension{DimHour}, System(), ReportFilter{}, 0},
		{"days elsewhere", "Europe/Berlin", []Dimension{DimDay, DimGoal}, System(), ReportFilter{}, 0},
		{"days in Nepal", "Asia/Kathmandu", []Dimension{DimDay}, System(), ReportFilter{}, 0},
		{"an affiliate", "Asia/Kathmandu", []Dimension{DimDay}, affiliate, ReportFilter{}, 1},
		{"a sub", "UTC", []Dimension{DimDay}, System(), ReportFilter{SubIndex: 1, SubValue: "x"}, 2},
		{"subs elsewhere, without days", "Europe/Berlin", []Dimension{DimSub1}, System(), ReportFilter{}, 2},
		{"a sub elsewhere by day", "Europe/Berlin", []Dimension{DimDay, DimSub1}, System(), ReportFilter{}, -1},
		{"another sub", "UTC", []Dimension{DimDay}, System(), ReportFilter{SubIndex: 10, SubValue: "x"}, -1},
		{"countries", "UTC", []Dimension{DimDay}, System(), ReportFilter{Countries: []string{"DE"}}, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in := &ReportInput{Range: week, Zone: zoneOf(t, tt.zone), GroupBy: tt.by, Filter: tt.f}
			spans, err := NewTimeline(in.Range, in.Zone, in.GroupBy)
			if err != nil {
				t.Fatal(err)
			}
			if got := PlanClicks(in, tt.actor, spans, testLevels, there); got.Level != tt.want {
				t.Errorf("level %d, want %d", got.Level, tt.want)
			}
			if got := PlanClicks(in, tt.actor, spans, testLevels, RolledUp{}); got.Level != -1 || !cmp.Equal(got.Raw, []TimeRange{week}) {
				t.Errorf("with nothing rolled up: %v", got)
			}
		})
	}
}

func TestEveryMomentIsCountedOnce(t *testing.T) {
	t.Parallel()
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 3, day, hour, minute, 0, 0, time.UTC) }
	in := &ReportInput{Range: TimeRange{at(1, 6, 10), at(4, 3, 20)}, Zone: zoneOf(t, "Asia/Kolkata"), GroupBy: []Dimension{DimDay, DimOffer}}
	spans, err := NewTimeline(in.Range, in.Zone, in.GroupBy)
	if err != nil {
		t.Fatal(err)
	}
	there := RolledUp{
		TimeRange: TimeRange{at(1, 0, 0), at(3, 20, 15)},
		Late:      []time.Time{at(1, 0, 0), at(2, 5, 15), at(2, 5, 30), at(3, 20, 0), at(3, 23, 0)},
	}
	want := ReportPlan{
		Pieces: []LevelPiece{
			{at(1, 0, 0), 25, 74, 0},
			{at(1, 0, 0), 74, 96, 1},
			{at(2, 0, 0), 0, 21, 1},
			{at(2, 0, 0), 23, 74, 1},
			{at(2, 0, 0), 74, 96, 2},
			{at(3, 0, 0), 0, 74, 2},
			{at(3, 0, 0), 74, 80, 3},
		},
		Raw: []TimeRange{{at(1, 6, 10), at(1, 6, 15)}, {at(2, 5, 15), at(2, 5, 45)}, {at(3, 20, 0), at(4, 3, 20)}},
	}
	if diff := cmp.Diff(want, PlanClicks(in, System(), spans, testLevels[:1], there)); diff != "" {
		t.Error(diff)
	}
	if days, parts := want.Days(); len(days) != 0 || len(parts) != len(want.Pieces) {
		t.Errorf("parts of days are taken for days: %v", days)
	}
	for i := range 60 {
		there.Late = append(there.Late, at(3, 23, 0).Add(time.Duration(2*i)*LateUnit))
	}
	in.Range.To, there.To = at(12, 0, 0), at(12, 0, 0)
	if spans, err = NewTimeline(in.Range, in.Zone, in.GroupBy); err != nil {
		t.Fatal(err)
	}
	// There are too many now: all from the first late one to the last is counted from the rows.
	raw := []TimeRange{{at(1, 6, 10), at(1, 6, 15)}, {at(2, 5, 15), at(5, 4, 45)}}
	if got := PlanClicks(in, System(), spans, testLevels[:1], there); got.Level != 0 || !cmp.Equal(got.Raw, raw) {
		t.Errorf("level %d, %v from the rows, want %v", got.Level, got.Raw, raw)
	}
}

func TestADayWithALateClickIsNotTakenFromALevelOfDays(t *testing.T) {
	t.Parallel()
	at := func(day, hour int) time.Time { return time.Date(2026, 3, day, hour, 0, 0, 0, time.UTC) }
	in := &ReportInput{Range: TimeRange{at(1, 6), at(9, 3)}, Zone: time.UTC, GroupBy: []Dimension{DimSub1}}
	spans, err := NewTimeline(in.Range, in.Zone, in.GroupBy)
	if err != nil {
		t.Fatal(err)
	}
	there := RolledUp{TimeRange: TimeRange{at(1, 0), at(5, 17)}, Late: []time.Time{at(3, 5), at(3, 7)}}
	want := ReportPlan{
		Level:  2,
		Pieces: []LevelPiece{{at(2, 0), 0, 96, 0}, {at(4, 0), 0, 96, 0}},
		Raw:    []TimeRange{{at(1, 6), at(2, 0)}, {at(3, 0), at(4, 0)}, {at(5, 0), at(9, 3)}},
	}
	if diff := cmp.Diff(want, PlanClicks(in, System(), spans, testLevels, there)); diff != "" {
		t.Error(diff)
	}
	if days, parts := want.Days(); len(days) != 2 || len(parts) > 0 {
		t.Errorf("%v are no days", parts)
	}
}

func TestConversionsAreReadFromALevelInTheNetworksCurrencyByEvent(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	levels := []ReportLevel{{Dimensions: []Dimension{DimAffiliate}, Fine: true}, {Dimensions: []Dimension{DimOffer, DimAdvertiser, DimGoal}, Fine: true}}
	for _, tt := range []struct {
		name string
		in   ReportInput
		want int
	}{
		{"nothing but days", ReportInput{Currency: "EUR", GroupBy: []Dimension{DimDay}}, 0},
		{"by offer and goal", ReportInput{Currency: "EUR", Basis: BasisEvent, GroupBy: []Dimension{DimOffer, DimGoal}}, 1},
		{"one event", ReportInput{Currency: "EUR", Filter: ReportFilter{EventTypes: []string{"sale"}}}, 1},
		{"one event by affiliate", ReportInput{Currency: "EUR", GroupBy: []Dimension{DimAffiliate}, Filter: ReportFilter{EventTypes: []string{"sale"}}}, -1},
		{"another currency", ReportInput{Currency: "USD", GroupBy: []Dimension{DimDay}}, -1},
		{"when they were received", ReportInput{Currency: "EUR", Basis: BasisReceived, GroupBy: []Dimension{DimDay}}, -1},
		{"cohorts", ReportInput{Currency: "EUR", Basis: BasisClick, GroupBy: []Dimension{DimDay}}, -1},
		{"by country", ReportInput{Currency: "EUR", GroupBy: []Dimension{DimCountry}}, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in := tt.in
			in.Range, in.Zone = TimeRange{from.Add(10 * time.Minute), from.AddDate(0, 0, 1).Add(20 * time.Minute)}, time.UTC
			spans, err := NewTimeline(in.Range, in.Zone, in.GroupBy)
			if err != nil {
				t.Fatal(err)
			}
			p := PlanConversions(&in, System(), spans, levels, "EUR")
			if p.Level != tt.want {
				t.Fatalf("level %d, want %d", p.Level, tt.want)
			}
			want := []TimeRange{in.Range}
			if p.Level >= 0 {
				want = []TimeRange{{in.Range.From, from.Add(15 * time.Minute)}, {in.Range.To.Add(-5 * time.Minute), in.Range.To}}
			}
			if diff := cmp.Diff(want, p.Raw); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestALevelThatIsBehindIsReadAsFarAsItIsThere(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	in := &ReportInput{Range: TimeRange{from, from.Add(40 * time.Hour)}, Zone: time.UTC, GroupBy: []Dimension{DimDay, DimOffer}}
	spans, err := NewTimeline(in.Range, in.Zone, in.GroupBy)
	if err != nil {
		t.Fatal(err)
	}
	levels := []ReportLevel{
		{Dimensions: []Dimension{DimOffer}, Fine: true},
		{Dimensions: []Dimension{DimOffer, DimAffiliate}, Fine: true, Behind: true},
	}
	there := RolledUp{TimeRange: TimeRange{from, from.Add(36 * time.Hour)}, BehindTo: from.Add(30 * time.Hour)}
	for actor, want := range map[Actor]int{System(): 36, {Role: RoleAffiliate, AffiliateID: uuid.Max}: 30} {
		got := PlanClicks(in, actor, spans, levels, there)
		if tail := []TimeRange{{from.Add(time.Duration(want) * time.Hour), in.Range.To}}; !cmp.Equal(got.Raw, tail) {
			t.Errorf("%s: %v, want %v", actor.Role, got.Raw, tail)
		}
	}
}
