package proofback

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// TraceBy says what to tell the story of: exactly one field is set.
type TraceBy struct {
	ClickID       uuid.UUID
	TransactionID string
	ConversionID  uuid.UUID
	RequestID     uuid.UUID
}

// Story is all that happened to a click or an event, as far as one actor may see
// it. Every list is oldest first.
type Story struct {
	Clicks       []*Click
	PixelSignals []*PixelSignal
	Postbacks    []*Postback
	Conversions  []*Conversion
	Transitions  []*Transition
	Adjustments  []*Adjustment
	Deliveries   []*Delivery
	Attempts     []*Attempt
}

// MomentKind says what kind of thing happened.
type MomentKind string

// The kinds stand in the order of cause and effect.
const (
	MomentClick      MomentKind = "CLICK"
	MomentPixel      MomentKind = "PIXEL"
	MomentPostback   MomentKind = "POSTBACK"
	MomentConversion MomentKind = "CONVERSION"
	MomentTransition MomentKind = "TRANSITION"
	MomentAdjustment MomentKind = "ADJUSTMENT"
	MomentDelivery   MomentKind = "DELIVERY"
	MomentAttempt    MomentKind = "ATTEMPT"
)

// Moment is one thing that happened, in one sentence.
type Moment struct {
	At      time.Time
	Kind    MomentKind
	Summary string
}

// IsEmpty reports whether there is nothing to tell.
func (s *Story) IsEmpty() bool {
	return len(s.Clicks) == 0 && len(s.Postbacks) == 0 && len(s.Conversions) == 0
}

// Timeline puts all of a story in one line, oldest first; of what happened at
// the same moment, causes come before their effects.
func (s *Story) Timeline() []Moment {
	var line []Moment
	add := func(at time.Time, k MomentKind, summary string) {
		line = append(line, Moment{At: at, Kind: k, Summary: summary})
	}
	for _, c := range s.Clicks {
		add(c.At, MomentClick, c.summary())
	}
	for _, p := range s.PixelSignals {
		add(p.At, MomentPixel, p.summary())
	}
	for _, p := range s.Postbacks {
		add(p.ReceivedAt, MomentPostback, p.summary())
	}
	events := make(map[uuid.UUID]string, len(s.Conversions))
	for _, c := range s.Conversions {
		events[c.ID] = c.event()
		add(c.ReceivedAt, MomentConversion, c.summary())
	}
	for _, t := range s.Transitions {
		add(t.At, MomentTransition, t.summary(events[t.ConversionID]))
	}
	for _, a := range s.Adjustments {
		add(a.At, MomentAdjustment, a.summary(events[a.ConversionID]))
	}
	for _, d := range s.Deliveries {
		add(d.CreatedAt, MomentDelivery, fmt.Sprintf("one of the affiliate's endpoints is to be told that %s is %s", events[d.ConversionID], d.Event.Word()))
	}
	for _, a := range s.Attempts {
		add(a.At, MomentAttempt, a.summary())
	}
	// What is put in above stands in the order of cause and effect already.
	slices.SortStableFunc(line, func(a, b Moment) int { return a.At.Compare(b.At) })
	return line
}

func (c *Click) summary() string {
	who := "a visitor"
	if c.Bot {
		who = "a crawler"
	}
	if c.IsTest() {
		return "a click was made to test the integration: what comes of it counts for nothing"
	}
	from := cmp.Or(c.Country, "an unknown country")
	if c.Outcome != ClickRedirected {
		return fmt.Sprintf("%s from %s (%s) followed the link, but was not sent to the offer: %s", who, from, c.Device, c.Outcome)
	}
	return fmt.Sprintf("%s from %s (%s) followed the link and was sent to the offer", who, from, c.Device)
}

func (p *PixelSignal) summary() string {
	said := ""
	if p.EventType != "" {
		said += fmt.Sprintf(", event %q", p.EventType)
	}
	if p.TxID != "" {
		said += fmt.Sprintf(", transaction id %q", p.TxID)
	}
	return "the pixel on the advertiser's page was called" + said
}

func (p *Postback) summary() string {
	what := "a postback"
	if p.ReplayOf != uuid.Nil {
		what = "a replay of an earlier postback"
	}
	return fmt.Sprintf("%s was %s (%s): %s", what, p.Result, p.Reason, p.Message)
}

// event names a conversion for people.
func (c *Conversion) event() string {
	if c.TxID == "" {
		return fmt.Sprintf("the %q", c.EventType)
	}
	return fmt.Sprintf("the %q with transaction id %q", c.EventType, c.TxID)
}

func (c *Conversion) summary() string {
	var worth []string
	for _, m := range [...]struct {
		name string
		Money
	}{{"payout", c.Payout}, {"revenue", c.Revenue}} {
		if !m.IsZero() {
			worth = append(worth, fmt.Sprintf("%s %s %s", m.name, m.Amount, m.Currency))
		}
	}
	s := c.event() + " became a conversion"
	if c.Test {
		s += ", as a test"
	}
	if len(worth) > 0 {
		s += ": " + strings.Join(worth, ", ")
	}
	return s
}

func (t *Transition) summary(event string) string {
	s := fmt.Sprintf("%s began as %s", event, t.To.Word())
	if t.From != "" {
		s = fmt.Sprintf("%s was %s and became %s", event, t.From.Word(), t.To.Word())
	}
	switch t.ByKind {
	case ByPostback:
		s += ", as a postback said"
	case ByRule:
		s += ", by the offer's terms"
	case BySystem:
		s += ", by a job"
	case ByUser:
		s += ", decided by " + cmp.Or(t.ByEmail, "the network's staff")
	}
	if t.Reason != "" {
		s += ": " + t.Reason
	}
	return s
}

func (a *Attempt) summary() string {
	s := fmt.Sprintf("attempt %d to tell the affiliate ended as %s after %s", a.Number, a.Outcome, a.Duration.Round(time.Millisecond))
	if a.ResponseStatus != 0 {
		s += fmt.Sprintf(", HTTP %d", a.ResponseStatus)
	}
	if a.Error != "" {
		s += ": " + a.Error
	}
	return s
}
