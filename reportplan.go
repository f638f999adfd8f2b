package proofback

import (
	"slices"
	"time"
)

// ReportLevel is a table of counts that reports can be made from: for each UTC day
// and each combination of its dimensions.
type ReportLevel struct {
	Dimensions []Dimension
	Fine       bool // it tells the quarter hours of a day apart
	Behind     bool // it is there up to RolledUp.BehindTo only
}

// unit is the length of the spans that a level can tell.
func (l *ReportLevel) unit() time.Duration {
	if l.Fine {
		return LateUnit
	}
	return oneDay
}

// RolledUp says which counts are there: those of every level from From, a UTC
// midnight, to To, a quarter hour, except for the quarter hours in Late, which
// clicks were added to since. The zero RolledUp has none.
type RolledUp struct {
	TimeRange
	BehindTo time.Time   // up to where levels are there that are Behind; zero for To
	Late     []time.Time // beginnings of quarter hours, in order
}

// of is what there is of a level.
func (r RolledUp) of(l *ReportLevel) RolledUp {
	if l.Behind && !r.BehindTo.IsZero() && r.BehindTo.Before(r.To) {
		r.To = r.BehindTo
	}
	return r
}

// LateUnit is the length of the spans in RolledUp.Late, and what levels that are
// fine tell a day in: all zones' days begin at a quarter hour.
const LateUnit = 15 * time.Minute

const (
	oneDay = 24 * time.Hour
	// DayQuarters is how many quarter hours a UTC day has.
	DayQuarters = int(oneDay / LateUnit)
)

// LevelPiece is a part of a UTC day: the quarter hours from Since to before Until,
// which belong to one span of a report.
type LevelPiece struct {
	Day          time.Time
	Since, Until int
	Span         int // place in Timeline.Starts
}

// Begin is the moment that the piece begins at.
func (p LevelPiece) Begin() time.Time { return p.Day.Add(time.Duration(p.Since) * LateUnit) }

// End is the moment that it ends at.
func (p LevelPiece) End() time.Time { return p.Day.Add(time.Duration(p.Until) * LateUnit) }

// ReportPlan says where the clicks or the conversions of a report are counted:
// every moment of its range in exactly one of Pieces and Raw.
type ReportPlan struct {
	Level  int          // place in the list of levels; -1 for none
	Pieces []LevelPiece // from the level
	Raw    []TimeRange  // from the rows themselves
}

// Days are the pieces that are whole days, and parts the others.
func (p *ReportPlan) Days() (days, parts []LevelPiece) {
	for _, piece := range p.Pieces {
		if piece.Since == 0 && piece.Until == DayQuarters {
			days = append(days, piece)
		} else {
			parts = append(parts, piece)
		}
	}
	return days, parts
}

// maxLateParts is how many parts of a report are counted from the rows, because
// clicks came late for them, before it is simpler to count all between them from the
// rows as well. Not more than that: the clicks of earlier days may have been dropped.
const maxLateParts = 48

// PlanClicks takes the first of the levels, which stand with the smallest first,
// that has what the report tells its rows apart and chooses its clicks by, and
// that can tell its spans.
func PlanClicks(in *ReportInput, actor Actor, spans *Timeline, levels []ReportLevel, there RolledUp) ReportPlan {
	return planReport(in, in.neededOfClicks(actor), spans, levels, there)
}

// PlanConversions is PlanClicks for conversions in the network's own currency, by
// the time of their events: those of all times are there at any moment. Others
// are read line by line.
func PlanConversions(in *ReportInput, actor Actor, spans *Timeline, levels []ReportLevel, own string) ReportPlan {
	if in.Currency != own || in.Basis != "" && in.Basis != BasisEvent {
		levels = nil
	}
	return planReport(in, in.neededOfConversions(actor), spans, levels, RolledUp{
		TimeRange: TimeRange{floorTime(in.Range.From, oneDay), floorTime(in.Range.To.Add(oneDay), oneDay)},
	})
}

func planReport(in *ReportInput, needed []Dimension, spans *Timeline, levels []ReportLevel, there RolledUp) ReportPlan {
	for i, level := range levels {
		unit := level.unit()
		if slices.ContainsFunc(needed, func(d Dimension) bool { return !slices.Contains(level.Dimensions, d) }) {
			continue
		}
		if slices.ContainsFunc(spans.Starts[1:], func(at time.Time) bool { return !floorTime(at, unit).Equal(at) }) {
			continue
		}
		if p, ok := planLevel(in.Range, spans, unit, there.of(&level)); ok {
			p.Level = i
			return p
		}
	}
	return ReportPlan{Level: -1, Raw: []TimeRange{in.Range}}
}

// neededOfClicks are the dimensions that a click must have to be counted. Clicks
// have no goal, so that counts need none.
func (in *ReportInput) neededOfClicks(actor Actor) []Dimension {
	return slices.DeleteFunc(in.needed(actor), func(d Dimension) bool { return d == DimGoal })
}

// neededOfConversions are the dimensions that a conversion must have; a goal tells
// its event type.
func (in *ReportInput) neededOfConversions(actor Actor) []Dimension {
	list := in.needed(actor)
	if len(in.Filter.EventTypes) > 0 {
		list = append(list, DimGoal)
	}
	return list
}

func (in *ReportInput) needed(actor Actor) []Dimension {
	var list []Dimension
	for _, d := range in.GroupBy {
		if !d.IsTime() {
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
func planLevel(r TimeRange, spans *Timeline, unit time.Duration, there RolledUp) (ReportPlan, bool) {
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
	var p ReportPlan
	p.addRaw(TimeRange{r.From, from})
	have := from // up to where it is planned
	for _, late := range there.lateParts(TimeRange{from, to}, unit) {
		p.addPieces(TimeRange{have, late.From}, spans)
		have = late.To
		p.addRaw(late)
	}
	p.addPieces(TimeRange{have, to}, spans)
	p.addRaw(TimeRange{to, r.To})
	return p, len(p.Pieces) > 0
}

// lateParts are the parts of a range of whole units that clicks came late for.
func (r RolledUp) lateParts(of TimeRange, unit time.Duration) []TimeRange {
	var parts []TimeRange
	for _, late := range r.Late {
		start := floorTime(late, unit)
		end := start.Add(unit)
		if start.Before(of.From) || !start.Before(of.To) {
			continue
		}
		if n := len(parts); n > 0 && !start.After(parts[n-1].To) {
			parts[n-1].To = end
			continue
		}
		parts = append(parts, TimeRange{start, end})
	}
	if n := len(parts); n > maxLateParts {
		return []TimeRange{{parts[0].From, parts[n-1].To}}
	}
	return parts
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

// addPieces cuts a range where days and spans begin.
func (p *ReportPlan) addPieces(r TimeRange, spans *Timeline) {
	span, _ := slices.BinarySearchFunc(spans.Starts, r.From.Add(1), time.Time.Compare)
	span-- // the last that begins at r.From or before
	for at := r.From; at.Before(r.To); {
		day := floorTime(at, oneDay)
		end := day.Add(oneDay)
		if r.To.Before(end) {
			end = r.To
		}
		next := span
		if span+1 < len(spans.Starts) && !spans.Starts[span+1].After(end) {
			end, next = spans.Starts[span+1].UTC(), span+1
		}
		p.Pieces = append(p.Pieces, LevelPiece{day, int(at.Sub(day) / LateUnit), int(end.Sub(day) / LateUnit), span})
		at, span = end, next
	}
}

// floorTime is the beginning of the unit that a moment is in. Truncate counts from
// a midnight, and units divide a day.
func floorTime(at time.Time, unit time.Duration) time.Time { return at.UTC().Truncate(unit) }
