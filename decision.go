package proofback

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Request is a postback as it is put before the rules: what was sent, read into
// values, and what the click id says of itself.
type Request struct {
	ID         uuid.UUID // becomes the postback's id
	ReceivedAt time.Time
	// FirstReceivedAt is when the request that this one is a replay of came; zero
	// for others. What is judged by the clock is judged by that.
	FirstReceivedAt time.Time `json:",omitzero"`
	// Endpoint is the advertiser whose own endpoint was called; uuid.Nil on the
	// plain /postback, where the advertiser is the click's.
	Endpoint uuid.UUID
	Claim    Claim
	// Mode is how the request had to prove whose it is, "" when it had not to;
	// Refusal says that it did not. Nonce is what may come only once.
	Mode    SecurityMode
	Refusal *Problem
	Nonce   string
	// Problems are what is wrong with the request by itself, gravest first.
	Problems []Problem
	// ClickID is the click that the click id names, when ClickIDState is whole.
	ClickIDState ClickIDState
	ClickID      uuid.UUID
	// Hint names another parameter that holds a genuine click id, for the message.
	Hint string
}

// cameAt is when the request first came.
func (r *Request) cameAt() time.Time { return cmp.Or(r.FirstReceivedAt, r.ReceivedAt) }

// Reading is a request read with an advertiser's names: what the rules are given
// and what the log shows (masked).
type Reading struct {
	Request
	Parameters []Parameter
}

// Claim is what a postback says about an event. Zero fields were left out.
type Claim struct {
	ClickID   string // as it was sent
	TxID      string
	EventType string
	Status    Status
	Amount    Decimal
	Revenue   Decimal
	Payout    Decimal
	Currency  string
	EventAt   time.Time
	Reason    string
	Subs      [10]string
}

// Value is the customer's amount, for which the revenue stands in.
func (c *Claim) Value() Decimal {
	if c.Amount != "" {
		return c.Amount
	}
	return c.Revenue
}

// Facts are what is known when a request is decided.
type Facts struct {
	// Click is nil when no click of that id is stored. ClickSpooled says that it may
	// be in a spool then, to be stored later.
	Click        *Click
	ClickSpooled bool
	// Terms are the click's. Overrides are its affiliate's prices for the offer's
	// goals.
	Terms     *Terms
	Overrides []PayoutOverride
	// LastLook says that what waits has waited long enough.
	LastLook bool
	// Replayed says that the request's nonce was seen before.
	Replayed bool
	// Known are the conversions of the click, and of the advertiser under the
	// claim's transaction id, those decided earlier in the same batch included.
	Known []*Conversion
	// Currency is the network's own; Rates are those of the event's day.
	Currency string
	Rates    Rates
	// Caps are those of the terms that conversions count for, with what is taken.
	Caps []CapUse
	// Books say which months are closed.
	Books Books
	// ConversionID and TransitionID are taken if a conversion is made or moved.
	ConversionID, TransitionID uuid.UUID
}

// Decision is what becomes of a request, and why.
type Decision struct {
	Result  Result
	Reason  Reason
	Message string // one sentence: what was seen and how to mend it
	Checks  []Check
	// Made is the new conversion, if any. Moved is its first transition, or that
	// of a known conversion.
	Made  *Conversion
	Moved *Transition
	// BookedAt is when Moved is booked, where the month of the event is closed: as an
	// adjustment. Zero otherwise.
	BookedAt time.Time
	// Until is when a deferred request has waited long enough.
	Until time.Time
	// ConversionID and Status are of the conversion made, moved or repeated.
	ConversionID uuid.UUID
	Status       Status
}

// HTTPStatus is what the contract answers.
func (d *Decision) HTTPStatus() int {
	if d.Result == ResultDeferred {
		return 202
	}
	return verdicts[d.Reason].http
}

// Decide judges a request. It is a pure function: the same values give the same
// decision, whoever asks and whenever. The checks stand in a fixed order; the
// first that fails gives the reason.
func Decide(r *Request, f *Facts) *Decision {
	d := &decider{request: r, facts: f, out: &Decision{Checks: make([]Check, 0, len(steps))}}
	for _, step := range steps {
		if done := step(d); done {
			return d.out
		}
	}
	return d.accept()
}

// steps is the list of checks. A step reports whether it ended the decision.
var steps = []func(*decider) bool{
	(*decider).checkSecurity,
	(*decider).checkRequest,
	(*decider).checkClickID,
	(*decider).checkValues,
	(*decider).checkClick,
	(*decider).checkEvent,
	(*decider).checkSameEvent,
	(*decider).checkOncePerClick,
	(*decider).checkPrice,
	(*decider).checkOffer,
	(*decider).checkWindow,
	(*decider).checkMinimum,
	(*decider).checkPrerequisite,
	(*decider).checkCaps,
}

// decider carries what the steps have found so far.
type decider struct {
	request *Request
	facts   *Facts
	out     *Decision

	goal    *Goal
	eventAt time.Time
	payout  Money
	revenue Money

	bookedFor time.Time // the event whose month is closed
}

func (d *decider) pass(name, detail string) bool {
	d.out.Checks = append(d.out.Checks, Check{Name: name, Passed: true, Detail: detail})
	return false
}

// refuse ends the decision with a reason. Where the contract keeps the refusal
// for the affiliate to see, it becomes a rejected conversion.
func (d *decider) refuse(name string, reason Reason, format string, args ...any) bool {
	message := fmt.Sprintf(format, args...)
	d.out.Checks = append(d.out.Checks, Check{Name: name, Detail: message})
	v := verdicts[reason]
	d.out.Result, d.out.Reason, d.out.Message = v.result, reason, message
	if v.keeps && v.result == ResultRejected {
		d.make(StatusRejected, ByRule, string(reason))
	}
	return true
}

// deferFor ends the decision until something that is missing has come, or until
// it has been waited for long enough.
func (d *decider) deferFor(name string, reason Reason, until time.Time, format string, args ...any) bool {
	d.out.Until = until
	message := fmt.Sprintf(format, args...)
	d.out.Checks = append(d.out.Checks, Check{Name: name, Detail: message})
	d.out.Result, d.out.Reason, d.out.Message = ResultDeferred, reason, message
	return true
}

// accept ends the decision with a new conversion.
func (d *decider) accept() *Decision {
	status, by, why := d.request.Claim.Status, ByPostback, d.request.Claim.Reason
	if status == "" {
		status, by = StatusPending, ByRule
		why = "the goal is approved by hand"
		if d.goal.Approval == ApprovalAuto {
			status, why = StatusApproved, "the goal is approved automatically"
		}
	} else if why == "" {
		why = "the postback said " + status.Word()
	}
	d.make(status, by, why)
	d.out.Result, d.out.Reason = ResultAccepted, ReasonAccepted
	d.out.Message = "stored as a new " + status.Word() + " conversion of goal " + strconv.Quote(d.goal.EventType) + d.booked()
	return d.out
}

// make fills in the conversion and its first transition.
func (d *decider) make(status Status, by ActorKind, why string) {
	r, f := d.request, d.facts
	c := &Conversion{
		ID:           f.ConversionID,
		AdvertiserID: f.Click.AdvertiserID,
		OfferID:      f.Click.OfferID,
		GoalID:       d.goal.ID,
		AffiliateID:  f.Click.AffiliateID,
		ClickID:      f.Click.ID,
		TermsID:      f.Click.TermsID,
		PostbackID:   r.ID,
		EventType:    d.goal.EventType,
		TxID:         r.Claim.TxID,
		Status:       status,
		Began:        status,
		EventAt:      d.eventAt,
		ReceivedAt:   r.ReceivedAt,
		ClickAt:      f.Click.At,
		Payout:       d.payout,
		Revenue:      d.revenue,
		Test:         f.Click.IsTest(),
		Subs:         r.Claim.Subs,
	}
	if v := r.Claim.Value(); v != "" {
		c.Amount, c.AmountIsRevenue = Money{v, r.Claim.Currency}, r.Claim.Amount == ""
	}
	c.FirstReceivedAt = r.cameAt()
	c.Claims = claims(d.goal, c)
	c.Normalized = Normalize(c, f.Currency, f.Rates)
	d.out.Made = c
	d.out.Moved = &Transition{
		ID:           f.TransitionID,
		ConversionID: c.ID,
		AdvertiserID: c.AdvertiserID,
		AffiliateID:  c.AffiliateID,
		To:           status,
		At:           r.ReceivedAt,
		ByKind:       by,
		Reason:       why,
		PostbackID:   r.ID,
	}
	c.Reason = d.out.Moved.ConversionReason()
	c.Late = d.book(c)
	d.out.ConversionID, d.out.Status = c.ID, status
}

// book says when the move of a conversion is booked, and reports whether that is as
// an adjustment, because its month is closed. A test is in no books.
func (d *decider) book(c *Conversion) bool {
	if c.Test || !d.facts.Books.IsClosed(c.EventAt) {
		return false
	}
	d.out.BookedAt = d.facts.Books.Book(c.EventAt, d.request.ReceivedAt)
	d.pass("period", ClosedSentence(c.EventAt, d.out.BookedAt))
	d.bookedFor = c.EventAt
	return true
}

// booked is what the message adds where the month of the event is closed.
func (d *decider) booked() string {
	if d.out.BookedAt.IsZero() {
		return ""
	}
	return "; " + ClosedSentence(d.bookedFor, d.out.BookedAt)
}

// claims is the span of event times that a new conversion takes.
func claims(g *Goal, c *Conversion) TimeRange {
	switch {
	case g.OncePerClick && c.Status != StatusRejected:
		return TimeRange{From: c.EventAt}
	case c.TxID == "":
		return TimeRange{From: c.EventAt, To: c.EventAt.Add(g.dedupeWindow())}
	}
	return TimeRange{}
}

// dedupeWindow is at least a second, so that a window of none still holds what
// arrives twice at once.
func (g *Goal) dedupeWindow() time.Duration {
	return max(time.Duration(g.DedupeWindowMinutes)*time.Minute, time.Second)
}

// ApplyTo brings a conversion up to date with its move.
func (t *Transition) ApplyTo(c *Conversion) {
	c.Status, c.Reason = t.To, t.ConversionReason()
}

// ConversionReason is what the conversion itself keeps of a move: why it is
// rejected, and nothing while it is not.
func (t *Transition) ConversionReason() string {
	if t.To == StatusRejected {
		return t.Reason
	}
	return ""
}
