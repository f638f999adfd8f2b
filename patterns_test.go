package proofback

import (
	"testing"
	"time"
)

// hourly makes hours of so many days by a rule over days and hours of the day,
// then silence.
func hourly(days, pause int, count func(day, hour int) int) []int {
	var hours []int
	for i := range days * 24 {
		hours = append(hours, count(i/24, i%24))
	}
	return append(hours, make([]int, pause)...)
}

func TestSilenceIsJudgedByTheSendersOwnRhythm(t *testing.T) {
	t.Parallel()
	steady := func(n int) func(int, int) int { return func(int, int) int { return n } }
	daytime := func(_, hour int) int {
		if hour < 8 {
			return 0
		}
		return 6
	}
	weekdays := func(day, hour int) int {
		if day%7 >= 5 {
			return 0
		}
		return daytime(day, hour)
	}
	batch := func(_, hour int) int {
		if hour == 23 {
			return 40
		}
		return 0
	}
	rare := func(_, hour int) int {
		if hour%8 == 0 {
			return 1
		}
		return 0
	}
	for _, tt := range []struct {
		name    string
		hours   []int
		silent  bool
		missing int
	}{
		{"nothing ever", make([]int, 672), false, 0},
		{"no hours", nil, false, 0},
		{"steady, not silent", hourly(7, 0, steady(5)), false, 0},
		{"steady, silent for an hour", hourly(7, 1, steady(50)), false, 0},
		{"steady, silent for two", hourly(7, 2, steady(5)), true, 10},
		{"steady but few, silent for two", hourly(7, 2, steady(4)), false, 0},
		{"steady but few, silent for three", hourly(7, 3, steady(4)), true, 12},
		{"too new to have a rhythm", hourly(3, 3, steady(50)), false, 0},
		{"a usual night", hourly(7, 8, daytime), false, 0},
		{"a usual night and the morning", hourly(7, 12, daytime), false, 0},
		{"a night and most of the day", hourly(7, 16, daytime), true, 48},
		{"a usual weekend", hourly(19, 56, weekdays), false, 0},
		{"a weekend and two days", hourly(19, 56+48, weekdays), true, 4 * 4 * 16},
		{"between two batches", hourly(7, 20, batch), false, 0},
		{"a batch is late", hourly(7, 30, batch), false, 0},
		{"a batch is missing", hourly(7, 36, batch), true, 40},
		{"rare ones, silent for two days", hourly(28, 48, rare), false, 0},
		{"rare ones, silent for five days", hourly(23, 120, rare), true, 15},
		{"it began in the middle", append(make([]int, 300), hourly(7, 3, steady(5))...), true, 15},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := FindSilence(tt.hours)
			near := got.Missing-tt.missing <= tt.missing/3 && tt.missing-got.Missing <= tt.missing/3
			if ok != tt.silent || !near {
				t.Errorf("got %+v, %v, want %d missing, %v", got, ok, tt.missing, tt.silent)
			}
		})
	}
}

func TestAShareRisesOnlyWhenChanceIsNoExplanation(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name           string
		earlier, later Portion
		want           bool
	}{
		{"nothing", Portion{}, Portion{}, false},
		{"from none to half", Portion{0, 100}, Portion{50, 100}, true},
		{"too few to tell", Portion{0, 49}, Portion{40, 49}, false},
		{"too few before", Portion{0, 10}, Portion{500, 1000}, false},
		{"always as many", Portion{500, 1000}, Portion{500, 1000}, false},
		{"a little more", Portion{100, 1000}, Portion{150, 1000}, false},
		{"twice as many", Portion{100, 1000}, Portion{200, 1000}, true},
		{"twice as many of few", Portion{5, 60}, Portion{10, 60}, false},
		{"less than a tenth", Portion{0, 10000}, Portion{900, 10000}, false},
		{"falling", Portion{500, 1000}, Portion{100, 1000}, false},
	} {
		if got := Rises(tt.earlier, tt.later); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestClicksNeverConvertOnlyBesideOthersThatDo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		clicks int
		others Portion
		want   bool
	}{
		{"others convert well", 100, Portion{70, 1000}, true},
		{"too few clicks", 99, Portion{500, 1000}, false},
		{"others convert as rarely as chance may leave out", 100, Portion{69, 1000}, false},
		{"many clicks beside rare conversions", 10_000, Portion{7, 10_000}, true},
		{"others hardly convert at all", 100_000, Portion{4, 100}, false},
		{"nobody else", 1000, Portion{}, false},
	} {
		if got := NeverConverts(tt.clicks, tt.others); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestDiagnosticsRange(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	for _, tt := range []struct {
		name     string
		from, to time.Time
		want     TimeRange
		refused  bool
	}{
		{"left out", time.Time{}, time.Time{}, TimeRange{testNow.Add(-7 * day), testNow}, false},
		{"93 days", testNow.Add(-93 * day), testNow, TimeRange{testNow.Add(-93 * day), testNow}, false},
		{"more than 93 days", testNow.Add(-93*day - 1), testNow, TimeRange{}, true},
		{"an end to come", testNow.Add(-day), testNow.Add(day), TimeRange{testNow.Add(-day), testNow}, false},
		{"a week before an end", time.Time{}, testNow.Add(-30 * day), TimeRange{testNow.Add(-37 * day), testNow.Add(-30 * day)}, false},
		{"empty", testNow, testNow, TimeRange{}, true},
		{"the wrong way round", testNow, testNow.Add(-day), TimeRange{}, true},
		{"to come", testNow.Add(day), testNow.Add(2 * day), TimeRange{}, true},
	} {
		got, err := DiagnosticsFilter{TimeRange: TimeRange{tt.from, tt.to}}.Within(testNow)
		if (err != nil) != tt.refused || err == nil && got.TimeRange != tt.want {
			t.Errorf("%s: %v, %v", tt.name, got.TimeRange, err)
		}
		if tt.refused && CodeOf(err) != CodeInvalid {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	f := DiagnosticsFilter{TimeRange: TimeRange{testNow.Add(-30 * day), testNow}}
	if got := f.Last(7 * day); got != (TimeRange{testNow.Add(-7 * day), testNow}) || f.Last(60*day) != f.TimeRange {
		t.Errorf("last week %v", got)
	}
}

func TestFindingsAreChosenByWhatTheyCost(t *testing.T) {
	t.Parallel()
	list := ChooseFindings([]*Finding{
		{Reason: ReasonDuplicate, Count: 1000},
		{Reason: ReasonUnknownEvent, Count: 5},
		{Reason: ReasonMissingAmount, Count: 50},
		{Reason: ReasonPostbacksStopped, Count: 12},
	})
	want := []Reason{ReasonPostbacksStopped, ReasonMissingAmount, ReasonUnknownEvent, ReasonDuplicate}
	for i, f := range list {
		if len(list) != len(want) || f.Reason != want[i] {
			t.Errorf("at %d: %s, want %s", i, f.Reason, want[i])
		}
	}
	for _, tt := range []struct{ patterns, reasons, keptPatterns, keptReasons int }{
		{0, 0, 0, 0}, {10, 10, 10, 10}, {500, 0, 200, 0}, {0, 500, 0, 200}, {500, 500, 100, 100}, {500, 50, 150, 50}, {50, 500, 50, 150},
	} {
		var many []*Finding
		for range tt.patterns {
			many = append(many, &Finding{Reason: ReasonPostbacksStopped})
		}
		for range tt.reasons {
			many = append(many, &Finding{Reason: ReasonUnknownEvent})
		}
		patterns, reasons := 0, 0
		for _, f := range ChooseFindings(many) {
			if f.Reason.IsPattern() {
				patterns++
			} else {
				reasons++
			}
		}
		if patterns != tt.keptPatterns || reasons != tt.keptReasons {
			t.Errorf("of %d and %d: %d and %d, want %d and %d", tt.patterns, tt.reasons, patterns, reasons, tt.keptPatterns, tt.keptReasons)
		}
	}
}
