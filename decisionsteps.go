package proofback

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// clockTolerance is how far ahead of our clock an event may be.
const clockTolerance = 5 * time.Minute

// checkSecurity refuses what does not prove to be the advertiser's.
func (d *decider) checkSecurity() bool {
	const name = "security"
	r := d.request
	switch {
	case r.Refusal != nil:
		return d.refuse(name, r.Refusal.Reason, "%s", r.Refusal.Detail)
	case d.facts.Replayed:
		return d.refuse(name, ReasonSignatureInvalid, "this very request was received before: if it is a retry of yours, the first was stored, and a retry is signed anew with the time it is sent")
	case r.Mode == "":
		return false
	case r.Mode == SecurityNone:
		return d.pass(name, "the advertiser asks for no proof but an allowed address")
	}
	return d.pass(name, "proved by "+strings.ToLower(string(r.Mode)))
}

// checkRequest refuses what could not be read.
func (d *decider) checkRequest() bool {
	for _, p := range d.request.Problems {
		if isRequestProblem(p.Reason) {
			return d.refuse("request", p.Reason, "%s", p.Detail)
		}
	}
	return d.pass("request", "every parameter could be read, none is a macro that was not filled in")
}

// isRequestProblem tells problems of the request as a whole, which go before
// the click id, from those of single values, which go after it.
func isRequestProblem(r Reason) bool {
	switch r {
	case ReasonBadRequest, ReasonConflictingParameters, ReasonUnresolvedMacro, ReasonBodyTooLarge, ReasonUnsupportedMediaType:
		return true
	}
	return false
}

func (d *decider) checkClickID() bool {
	const name = "click_id"
	r := d.request
	hint := ""
	if r.Hint != "" {
		hint = ": " + r.Hint
	}
	if r.Claim.ClickID == "" {
		if hint == "" {
			hint = ": send the click id that the landing page was given"
		}
		return d.refuse(name, ReasonMissingClickID, "there is no click_id%s", hint)
	}
	switch r.ClickIDState {
	case ClickIDWhole:
		return d.pass(name, "it is whole and ours")
	case ClickIDDamaged:
		return d.refuse(name, ReasonDamagedClickID, "the click_id was ours once but arrived cut short or changed: keep all of its %d characters, and nothing else, from landing page to postback%s", ClickIDLength, hint)
	default:
		return d.refuse(name, ReasonForgedClickID, "the click_id is not one that was handed out here: send the value that the landing page was given, unchanged%s", hint)
	}
}

// checkValues refuses values that say nothing.
func (d *decider) checkValues() bool {
	r := d.request
	if r.Endpoint == [16]byte{} && d.waitsForClick() {
		return d.checkClick() // values are read with the names of the click's advertiser
	}
	for _, p := range r.Problems {
		return d.refuse("values", p.Reason, "%s", p.Detail)
	}
	d.eventAt = cmp.Or(r.Claim.EventAt, r.cameAt())
	if d.eventAt.After(r.cameAt().Add(clockTolerance)) {
		return d.refuse("values", ReasonInvalidTimestamp, "the timestamp %s is more than %s ahead of our clock: send the time of the event in UTC or with its offset", d.eventAt.Format(time.RFC3339), clockTolerance)
	}
	c := &r.Claim
	if c.Currency == "" && (c.Amount != "" || c.Revenue != "" || c.Payout != "") {
		return d.refuse("values", ReasonMissingCurrency, "an amount came without a currency: send currency with an ISO 4217 code, such as EUR")
	}
	if c.EventType == "" {
		return d.refuse("values", ReasonMissingEvent, "there is no event_type: send the name of one of the offer's goals")
	}
	return d.pass("values", "amounts, currency, status and timestamp are in order")
}

func (d *decider) checkClick() bool {
	const name = "click"
	click := d.facts.Click
	if d.waitsForClick() {
		return d.deferFor(name, ReasonClickNotYetStored, d.request.ReceivedAt.Add(clickWait), "the click was made while the database was away, and waits to be stored: this request is decided when it is")
	}
	if click == nil {
		return d.refuse(name, ReasonUnknownClick, "no click of this id is stored: it was never made here, or dropped after the retention time; send the click id of the visit that led to the event")
	}
	if d.request.Endpoint != [16]byte{} && d.request.Endpoint != click.AdvertiserID {
		return d.refuse(name, ReasonUnknownClick, "this click is not for an offer of the advertiser whose endpoint was called: check which network the landing page's click id came from")
	}
	var detail [len("made at ") + len(time.RFC3339)]byte
	return d.pass(name, string(click.At.AppendFormat(append(detail[:0], "made at "...), time.RFC3339)))
}

// waitsForClick reports whether the click may yet come out of a spool.
func (d *decider) waitsForClick() bool {
	return d.facts.Click == nil && d.facts.ClickSpooled && !d.facts.LastLook
}

func (d *decider) checkEvent() bool {
	const name = "event"
	event := d.request.Claim.EventType
	goal, ok := d.facts.Terms.Goal(event)
	if !ok {
		known := make([]string, len(d.facts.Terms.Goals))
		for i, g := range d.facts.Terms.Goals {
			known[i] = g.EventType
			if strings.EqualFold(g.EventType, event) {
				return d.refuse(name, ReasonUnknownEvent, "the offer has no goal %q, but %q: names of goals are told apart by case, send it as %s", event, g.EventType, g.EventType)
			}
		}
		return d.refuse(name, ReasonUnknownEvent, "the offer has no goal %q: its goals are %s: send one of them", event, strings.Join(known, ", "))
	}
	d.goal = goal
	if goal.TransactionIDRequired && d.request.Claim.TxID == "" {
		return d.refuse(name, ReasonMissingTransactionID, "goal %q needs a transaction id: send txid with your own unique id of the event", event)
	}
	return d.pass(name, "goal "+strconv.Quote(event))
}

// checkSameEvent ends with what is known of the event, if it is.
func (d *decider) checkSameEvent() bool {
	const name = "same_event"
	r := d.request
	known := d.sameEvent()
	if known == nil {
		return d.pass(name, "the event is new")
	}
	d.out.ConversionID, d.out.Status = known.ID, known.Status
	if seen := d.contradiction(known); seen != "" {
		return d.refuse(name, ReasonTransactionConflict, "this event is known already, %s: send a txid of its own for another event, or ask the network to correct this one", seen)
	}
	to := r.Claim.Status
	// An event that began as pending is told as pending again by every retry of
	// its first request: that is a repetition, not a wish to go back.
	// Nor is a replay of what came before the conversion was known: it is old news.
	old := !r.FirstReceivedAt.IsZero() && r.FirstReceivedAt.Before(known.FirstReceivedAt)
	if to == "" || to == known.Status || to == StatusPending && known.Began == StatusPending || old {
		d.pass(name, "conversion "+known.ID.String()+" is this event")
		d.out.Result, d.out.Reason = ResultDuplicate, ReasonDuplicate
		d.out.Message = fmt.Sprintf("this event is known already, and is %s: nothing new", known.Status.Word())
		return true
	}
	if !CanMove(known.Status, to, MoverPostback) {
		return d.refuse("transition", ReasonInvalidTransition, "the conversion is %s and a postback cannot make it %s: ask the network's staff", known.Status.Word(), to.Word())
	}
	d.pass(name, "conversion "+known.ID.String()+" is this event")
	d.pass("transition", "from "+known.Status.Word()+" to "+to.Word())
	why := r.Claim.Reason
	if why == "" {
		why = "the postback said " + to.Word()
	}
	d.out.Moved = &Transition{
		ID:           d.facts.TransitionID,
		ConversionID: known.ID,
		AdvertiserID: known.AdvertiserID,
		AffiliateID:  known.AffiliateID,
		From:         known.Status,
		To:           to,
		At:           d.movesAt(known),
		ByKind:       ByPostback,
		Reason:       why,
		PostbackID:   r.ID,
	}
	d.out.Status = to
	d.out.Result, d.out.Reason = ResultUpdated, ReasonStatusUpdated
	d.book(known)
	d.out.Message = fmt.Sprintf("the conversion was %s and is %s now%s", known.Status.Word(), to.Word(), d.booked())
	return true
}

// movesAt is when a known conversion moves: now, but after it began, as far as Postgres
// tells times apart. A request may have come before the one that made its conversion,
// because it waited for longer or the clock of another process is ahead, and whoever reads
// the moves takes the last of them for where the conversion stands. What a postback moves
// has not moved before (CanMove).
func (d *decider) movesAt(known *Conversion) time.Time {
	at, first := d.request.ReceivedAt, known.ReceivedAt.Add(time.Microsecond)
	if at.Before(first) {
		return first
	}
	return at
}

// sameEvent finds the conversion that the request is about: by transaction id,
// or else by click, goal and time.
func (d *decider) sameEvent() *Conversion {
	click, txid := d.facts.Click, d.request.Claim.TxID
	span := TimeRange{From: d.eventAt, To: d.eventAt.Add(d.goal.dedupeWindow())}
	for _, k := range d.facts.Known {
		if k.AdvertiserID != click.AdvertiserID || k.GoalID != d.goal.ID || k.TxID != txid || k.Test != click.IsTest() {
			continue // a test and a real event are never the same
		}
		if txid != "" || k.ClickID == click.ID && k.window(d.goal).Meets(span) {
			return k
		}
	}
	return nil
}

// window is the dedupe window of a conversion without a transaction id.
func (c *Conversion) window(g *Goal) TimeRange {
	return TimeRange{From: c.EventAt, To: c.EventAt.Add(g.dedupeWindow())}
}

// contradiction says what the request and the known event disagree about. What staff have
// corrected may be told as it was or as it is.
func (d *decider) contradiction(known *Conversion) string {
	c := &d.request.Claim
	if known.ClickID != d.facts.Click.ID {
		return "with another click"
	}
	v := c.Value()
	switch {
	case v == "" || known.Amount.IsZero():
	case !known.Amount.isOrWas(Money{v, known.Amount.Currency}, known.Corrected.Amount):
		return fmt.Sprintf("with the amount %s instead of %s", known.Amount.Amount, v)
	case c.Currency != known.Amount.Currency:
		return fmt.Sprintf("in %s instead of %s", known.Amount.Currency, c.Currency)
	}
	if m, ok := sentMoney(d.payoutPrice(), c.Payout, c.Currency); ok && !known.Payout.isOrWas(m, known.Corrected.Payout) {
		return "with another payout"
	}
	if m, ok := sentMoney(d.goal.Revenue, c.Revenue, c.Currency); ok && !known.Revenue.isOrWas(m, known.Corrected.Revenue) {
		return "with another revenue"
	}
	return ""
}

// sentMoney is the line that an amount of the postback makes, where the price is
// taken from the postback.
func sentMoney(p Price, sent Decimal, currency string) (Money, bool) {
	if p.Model != PricePostback || sent == "" {
		return Money{}, false
	}
	return Money{sent, currency}.Round(), true
}

// payoutPrice is the affiliate's price for the goal at the click's moment.
func (d *decider) payoutPrice() Price {
	overrides := slices.DeleteFunc(slices.Clone(d.facts.Overrides), func(o PayoutOverride) bool {
		return o.GoalID != d.goal.ID || o.AffiliateID != d.facts.Click.AffiliateID
	})
	return PayoutAt(d.goal, overrides, d.facts.Click.At)
}

// checkOncePerClick ends a further event of a goal that counts once.
func (d *decider) checkOncePerClick() bool {
	const name = "once_per_click"
	if !d.goal.OncePerClick {
		return false
	}
	for _, k := range d.facts.Known {
		if k.ClickID != d.facts.Click.ID || k.GoalID != d.goal.ID || k.Claims.IsZero() {
			continue
		}
		if k.Status == StatusRejected && !k.Claims.Meets(TimeRange{From: d.eventAt}) {
			continue
		}
		d.out.Checks = append(d.out.Checks, Check{Name: name, Detail: fmt.Sprintf("conversion %s has this click's %s", k.ID, d.goal.EventType)})
		d.out.ConversionID, d.out.Status = k.ID, k.Status
		d.out.Result, d.out.Reason = ResultDuplicate, ReasonDuplicate
		d.out.Message = fmt.Sprintf("goal %q counts once per click, and this click has one: nothing new", d.goal.EventType)
		return true
	}
	return d.pass(name, "it is the click's first")
}

// checkPrice works out what the event is worth to both sides.
func (d *decider) checkPrice() bool {
	const name = "price"
	c := &d.request.Claim
	var problem *Problem
	if d.payout, problem = d.payoutPrice().price("payout", c.Payout, c); problem != nil {
		return d.refuse(name, problem.Reason, "%s", problem.Detail)
	}
	if d.revenue, problem = d.goal.Revenue.price("revenue", c.Revenue, c); problem != nil {
		return d.refuse(name, problem.Reason, "%s", problem.Detail)
	}
	if !d.goal.MinimumAmount.IsZero() && c.Value() == "" {
		return d.refuse(name, ReasonMissingAmount, "goal %q counts from %s %s on, and no amount was sent: send amount and currency", d.goal.EventType, d.goal.MinimumAmount.Amount, d.goal.MinimumAmount.Currency)
	}
	return d.pass(name, "payout and revenue follow from the terms of version "+strconv.Itoa(d.facts.Terms.Version))
}

// price applies a price rule to a claim; sent is the claim's own amount for it.
func (r Price) price(name string, sent Decimal, c *Claim) (Money, *Problem) {
	switch r.Model {
	case PriceFixed:
		return Money{r.Amount, r.Currency}.Round(), nil
	case PricePercent:
		if c.Value() == "" {
			return Money{}, &Problem{Reason: ReasonMissingAmount, Parameter: "amount", Detail: fmt.Sprintf("the %s is %s %% of the amount, and none was sent: send amount and currency", name, r.Percent)}
		}
		return Money{c.Value(), c.Currency}.Percent(r.Percent), nil
	default:
		if sent == "" {
			return Money{}, &Problem{Reason: ReasonMissingAmount, Parameter: name, Detail: fmt.Sprintf("the %s is taken from the postback, and none was sent: send %s and currency", name, name)}
		}
		if r.Currency != "" && r.Currency != c.Currency {
			return Money{}, &Problem{Reason: ReasonInvalidCurrency, Parameter: "currency", Detail: fmt.Sprintf("the %s is agreed in %s and came in %s: send it in %s", name, r.Currency, c.Currency, r.Currency)}
		}
		return Money{sent, c.Currency}.Round(), nil
	}
}

// checkOffer looks at how the click was treated, by the terms of its moment.
func (d *decider) checkOffer() bool {
	if o := d.facts.Click.Outcome; o != ClickRedirected {
		return d.refuse("offer", ReasonOfferInactive, "the click was not sent to the offer (%s), so it cannot convert: ask the network about the offer, if it should", o)
	}
	return d.pass("offer", "the click was sent to the offer")
}

func (d *decider) checkWindow() bool {
	const name = "window"
	click := d.facts.Click
	made := click.At
	if d.eventAt.Nanosecond() == 0 {
		made = made.Truncate(time.Second) // the event's clock tells whole seconds
	}
	if d.eventAt.Before(made) && d.request.Claim.EventAt.IsZero() {
		return d.pass(name, "it came before its click, by the clock of the process that took it: that clock is behind, or was set back since")
	}
	if d.eventAt.Before(made) {
		layout := time.RFC3339
		if d.eventAt.Nanosecond() != 0 {
			layout = time.RFC3339Nano // the two may be within one second
		}
		return d.refuse(name, ReasonOutsideWindow, "the event (%s) was before its click (%s): send the time of the event, in UTC or with its offset", d.eventAt.Format(layout), click.At.UTC().Format(layout))
	}
	window := d.facts.Terms.Window(d.goal)
	if d.eventAt.Sub(made) > window {
		return d.refuse(name, ReasonOutsideWindow, "the event came %s after its click and counts for %s only: report events as they happen, or ask the network for a longer window", d.eventAt.Sub(made).Round(time.Second), window)
	}
	return d.pass(name, d.eventAt.Sub(made).Round(time.Second).String()+" after the click, within "+window.String())
}

func (d *decider) checkMinimum() bool {
	const name = "minimum"
	least, c := d.goal.MinimumAmount, &d.request.Claim
	if least.IsZero() {
		return false
	}
	sent := Money{c.Value(), c.Currency}
	value, rate, ok := d.facts.Rates.value(sent, least.Currency)
	if !ok {
		return d.deferFor(name, ReasonAwaitingRate, d.rateUntil(), "the minimum is in %s, the amount in %s, and there is no reference rate for %s yet", least.Currency, c.Currency, RateDay(d.eventAt).Format(time.DateOnly))
	}
	at := ""
	if rate.Source != RateSourceSame {
		at = fmt.Sprintf(" at the %s rate of %s", rate.Source, rate.Day.Format(time.DateOnly))
	}
	if value.Cmp(least.Amount) < 0 {
		return d.refuse(name, ReasonBelowThreshold, "the amount %s %s is below the minimum of %s %s%s", sent.Amount, sent.Currency, least.Amount, least.Currency, at)
	}
	return d.pass(name, "the amount reaches "+string(least.Amount)+" "+least.Currency+at)
}

func (d *decider) checkPrerequisite() bool {
	const name = "prerequisite"
	needs := d.goal.Requires
	if needs == "" {
		return false
	}
	for _, k := range d.facts.Known {
		if k.ClickID == d.facts.Click.ID && k.EventType == needs && k.Status != StatusRejected {
			return d.pass(name, "the click has its "+needs)
		}
	}
	until := d.facts.Click.At.Add(d.facts.Terms.Window(d.goal))
	if d.goal.WhenPrerequisiteMissing == PrerequisiteWait && !d.facts.LastLook {
		return d.deferFor(name, ReasonPrerequisiteMissing, until, "goal %q needs a %q first, and waits for it", d.goal.EventType, needs)
	}
	return d.refuse(name, ReasonPrerequisiteMissing, "goal %q needs a %q of the same click first: send that one before", d.goal.EventType, needs)
}
