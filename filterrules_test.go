package proofback

import (
	"strings"
	"testing"
	"time"
)

// A filter that cannot find anything is told, not answered with nothing.
func TestFiltersThatFindNothingAreRefused(t *testing.T) {
	t.Parallel()
	later := testNow.Add(time.Hour)
	for name, tt := range map[string]struct {
		filter ClickFilter
		want   string
	}{
		"nothing":                 {},
		"one moment":              {ClickFilter{TimeRange: TimeRange{From: testNow, To: testNow}}, ""},
		"from here on":            {ClickFilter{TimeRange: TimeRange{From: later}}, ""},
		"the wrong way round":     {ClickFilter{TimeRange: TimeRange{From: later, To: testNow}}, "to (2026-03-10T12:00:00Z) is before from (2026-03-10T13:00:00Z)"},
		"a country":               {ClickFilter{Country: "DE"}, ""},
		"one that ISO has not":    {ClickFilter{Country: "XK"}, ""},
		"a country's name":        {ClickFilter{Country: "Germany"}, `"Germany" is not an ISO 3166-1`},
		"a country in small type": {ClickFilter{Country: "de"}, "such as DE"},
		"a sub id too many":       {ClickFilter{SubIndex: 11}, "no sub11"},
	} {
		err := tt.filter.Validate()
		if (err == nil) != (tt.want == "") || err != nil && (CodeOf(err) != CodeInvalid || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	var p Problems
	(&ReportFilter{Countries: []string{"DE", "France"}}).validate(&p)
	if len(p) != 1 || strings.Join(p[0].Field, ".") != "filter.countries.1" {
		t.Errorf("a report's countries: %v", p.Err())
	}
}
