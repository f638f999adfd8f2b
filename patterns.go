package proofback

import "math"

// The patterns are judged by values alone. Each is told only when chance is no
// explanation: an alarm that is wrong once is not looked at again.

// Silence is what an unusual pause looks like.
type Silence struct {
	Hours   int // since the last one
	Missing int // how many would have come meanwhile
}

// What makes a pause a silence.
const (
	silenceRhythm  = 72 // hours of history, or there is no rhythm to be broken
	silenceMissing = 10 // that would have come
	silenceHours   = 2
	dayHours       = 24
)

// FindSilence looks at how many came in each hour, the oldest first and the last
// one ending now. There is a silence when none has come for two hours and for half
// as long again as ever before, though at least ten would have by the hours' usual
// numbers. So a sender that rests at night or over the weekend, or reports in one
// batch a day, is not taken to have stopped.
func FindSilence(hours []int) (Silence, bool) {
	first, last := -1, -1
	for i, n := range hours {
		if n > 0 {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	pause := len(hours) - 1 - last
	if first < 0 || last-first < silenceRhythm || pause < silenceHours {
		return Silence{}, false
	}
	longest, gap := 0, 0
	var total, days [dayHours]int // by the hour of a day, counted from the end
	for i := first; i <= last; i++ {
		of := (len(hours) - 1 - i) % dayHours
		total[of] += hours[i]
		days[of]++
		if gap++; hours[i] > 0 {
			gap = 0
		}
		longest = max(longest, gap)
	}
	missing := 0.0
	for back := range pause {
		missing += float64(total[back%dayHours]) / float64(days[back%dayHours])
	}
	if missing < silenceMissing || 2*pause <= 3*longest {
		return Silence{}, false
	}
	return Silence{Hours: pause, Missing: int(math.Round(missing))}, true
}

// Portion is how many of how many.
type Portion struct{ Of, All int }

// Share is the portion as a number from 0 to 1.
func (p Portion) Share() float64 {
	if p.All == 0 {
		return 0
	}
	return float64(p.Of) / float64(p.All)
}

// What makes a share rise.
const (
	risingRequests = 50   // in each half
	risingShare    = 0.10 // in the later one
	risingTimes    = 2    // the earlier one's
	risingSigma    = 4    // standard errors between the two
)

// Rises reports whether a later share is well above an earlier one: at least a
// tenth, twice as much, and further away than chance would take it.
func Rises(earlier, later Portion) bool {
	if earlier.All < risingRequests || later.All < risingRequests {
		return false
	}
	was, is := earlier.Share(), later.Share()
	if is < risingShare || is < risingTimes*was {
		return false
	}
	pooled := float64(earlier.Of+later.Of) / float64(earlier.All+later.All)
	deviation := math.Sqrt(pooled * (1 - pooled) * (1/float64(earlier.All) + 1/float64(later.All)))
	return is-was > risingSigma*deviation
}

// What makes clicks ones that never convert.
const (
	NeverConvertClicks  = 100 // at least
	NeverConvertOthers  = 5   // conversions of others' clicks
	neverConvertMissing = 7   // that they would have had: chance leaves out that many once in a thousand times
)

// NeverConverts reports whether so many clicks without a single conversion need an
// explanation, seeing what came of the others on the same offer.
func NeverConverts(clicks int, others Portion) bool {
	return clicks >= NeverConvertClicks && others.Of >= NeverConvertOthers && float64(clicks)*others.Share() >= neverConvertMissing
}
