package proofback

import (
	"slices"
	"time"
)

// ReportLevel is a table of counts that reports can be made from: for each unit of
// time in UTC, which divides a day, and each combination of its dimensions.
type ReportLevel struct {
	Unit       time.Duration
	Dimensions []Dimension
}

// RolledUp says which counts are there: those of every level from From, a UTC
// midnight, to To, except for the quarter hours in Late, which clicks were added
// to since. The zero RolledUp has none.
type RolledUp struct {
	TimeRange
	Late []time.Time // beginnings of quarter hours
}

// LateUnit is the length of the spans in RolledUp.Late.
const LateUnit = 15 * time.Minute

// ReportPlan says where the clicks of a report are counted: every moment of its
// range in exactly one of Rolled and Raw.
type ReportPlan struct {
	Level  int       // place in the list of levels; -1 for none
	Rolled TimeRange // from the level, in whole units …
	Except []time.Time
	Raw    []TimeRange // from the clicks themselves
}

// maxRawPieces is how many pieces of a report are counted from the clicks before
// it is simpler to count all of it from them.
const maxRawPieces = 50

// PlanReport takes the first of the levels, which stand with the smallest first,
// that has what the report tells its rows apart and chooses its clicks by, and in
// whose units all its spans begin.
func PlanReport(in *ReportInput, actor Actor, spans *Timeline, levels []ReportLevel, there RolledUp) ReportPlan {
	needed := in.clickDimensions(actor)
	for i, level := range levels {
		if slices.ContainsFunc(needed, func(d Dimension) bool { return !slices.Contains(level.Dimensions, d) }) {
			continue
		}
		if slices.ContainsFunc(spans.Starts[1:], func(at time.Time) bool { return !floorTime(at, level.Unit).Equal(at) }) {
			continue
		}
		if p, ok := planLevel(in.Range, level.Unit, there); ok {
			p.Level = i
			return p
		}
	}
	return ReportPlan{Level: -1, Raw: []TimeRange{in.Range}}
}

// clickDimensions are those that a click must have to be counted. Clicks have no
// goal, so that counts need none.
func (in *ReportInput) clickDimensions(actor Actor) []Dimension {
	var list []Dimension
	for _, d := range in.GroupBy {
		if !d.IsTime() && d != DimGoal {
			list = append(list, d)
		}
	}
	f := &in.Filter
	for _, by := range []struct {
		d    Dimension
		used bool
	}{
		{DimOffer, len(f.OfferIDs) > 0},
		{DimAffiliate, len(f.AffiliateIDs) > 0 || actor.Role == RoleAffiliate},
		{DimAdvertiser, len(f.AdvertiserIDs) > 0 || actor.Role == RoleAdvertiser},
		{DimCountry, len(f.Countries) > 0},
		{DimDevice, len(f.Devices) > 0},
	} {
		if by.used {
			list = append(list, by.d)
		}
	}
	if f.SubIndex > 0 {
		list = append(list, ofClick[len(ofClick)-10+f.SubIndex-1])
	}
	return list
}

// planLevel cuts a range into what the level has and what it has not.
func planLevel(r TimeRange, unit time.Duration, there RolledUp) (ReportPlan, bool) {
	from, to := r.From, r.To
	if there.From.After(from) {
		from = there.From
	}
	if there.To.Before(to) {
		to = there.To
	}
	from, to = floorTime(from.Add(unit-1), unit), floorTime(to, unit)
	if !from.Before(to) {
		return ReportPlan{}, false
	}
	p := ReportPlan{Rolled: TimeRange{from, to}}
	p.addRaw(TimeRange{r.From, from})
	for _, at := range there.Late {
		start := floorTime(at, unit)
		if start.Before(from) || !start.Before(to) || len(p.Except) > 0 && p.Except[len(p.Except)-1].Equal(start) {
			continue
		}
		p.Except = append(p.Except, start)
		p.addRaw(TimeRange{start, start.Add(unit)})
	}
	p.addRaw(TimeRange{to, r.To})
	return p, len(p.Raw) <= maxRawPieces
}

// addRaw appends a range to Raw, where there is anything in it.
func (p *ReportPlan) addRaw(r TimeRange) {
	if !r.From.Before(r.To) {
		return
	}
	if n := len(p.Raw); n > 0 && p.Raw[n-1].To.Equal(r.From) {
		p.Raw[n-1].To = r.To
		return
	}
	p.Raw = append(p.Raw, r)
}

// floorTime is the beginning of the unit that a moment is in. Truncate counts from
// a midnight, and units divide a day.
func floorTime(at time.Time, unit time.Duration) time.Time { return at.UTC().Truncate(unit) }
