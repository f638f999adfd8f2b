package demo

import (
	"time"

	"github.com/proofback/proofback"
)

// faultShare is how many postbacks arrive broken; retryShare how many arrive twice.
const (
	faultShare = 0.12
	retryShare = 0.05
	mendShare  = 0.5 // of the broken ones are sent again as they should be
)

// asSent is how an event really arrives: mostly as it should, sometimes twice,
// sometimes broken, and then mended or not.
func (l *loader) asSent(e event) []event {
	if l.chance(retryShare) {
		again := e
		again.at = e.at.Add(time.Duration(20+l.rand.IntN(300)) * time.Second)
		if e.params.get(proofback.ParamAmount) != "" && l.chance(0.3) {
			again = again.setting(proofback.ParamAmount, "9.90") // part of it was sent back
		}
		return []event{e, again}
	}
	if !l.chance(faultShare) {
		return []event{e}
	}
	broken, mended := pick(l, faults)(l, e), e
	mended.at = e.at.Add(time.Duration(30+l.rand.IntN(180)) * time.Minute)
	if l.chance(mendShare) {
		return []event{broken, mended}
	}
	return []event{broken}
}

// faults are what goes wrong with advertisers' postbacks.
var faults = []func(*loader, event) event{
	// The macro was never filled in.
	func(_ *loader, e event) event { return e.setting(proofback.ParamClickID, "{click_id}") },
	func(_ *loader, e event) event { return e.setting(proofback.ParamTxID, "[order_id]") },
	// A field of theirs is too short for the click id.
	func(_ *loader, e event) event {
		return e.setting(proofback.ParamClickID, e.params.get(proofback.ParamClickID)[:32])
	},
	// It is another network's.
	func(_ *loader, e event) event {
		return e.setting(proofback.ParamClickID, "EAIaIQobChMI8ZmK1pL2kAMVxUKRBR0aXw7f")
	},
	// It is ours, of a click that was never stored.
	func(l *loader, e event) event { return e.setting(proofback.ParamClickID, l.Keys.Encode(l.id(e.at))) },
	func(_ *loader, e event) event { return e.setting(proofback.ParamClickID, "") },
	func(_ *loader, e event) event { return e.setting(proofback.ParamEventType, "") },
	func(_ *loader, e event) event { return e.setting(proofback.ParamEventType, "purchase") },
	func(_ *loader, e event) event {
		return e.setting(proofback.ParamAmount, "49,90").setting(proofback.ParamCurrency, "EUR")
	},
	func(_ *loader, e event) event {
		return e.setting(proofback.ParamAmount, "49.90").setting(proofback.ParamCurrency, "")
	},
	func(_ *loader, e event) event {
		return e.setting(proofback.ParamAmount, "49.90").setting(proofback.ParamCurrency, "EURO")
	},
	func(_ *loader, e event) event { return e.setting(proofback.ParamStatus, "completed") },
	func(_ *loader, e event) event { return e.setting(proofback.ParamTimestamp, "yesterday") },
	// Their clock is in another time zone.
	func(_ *loader, e event) event {
		return e.setting(proofback.ParamTimestamp, e.visit.click.At.Add(-2*time.Hour).Format(time.RFC3339))
	},
	func(_ *loader, e event) event {
		return e.setting(proofback.ParamTimestamp, e.at.Add(time.Hour).Format(time.RFC3339))
	},
	// The query says one thing and the body another.
	func(_ *loader, e event) event {
		e.post = true
		e.params = append(params{{proofback.ParamAmount, "49.90"}}, e.params.with(proofback.ParamAmount, "")...)
		e.body = params{{proofback.ParamAmount, "59.90"}}
		return e
	},
}

// setting gives the event with a parameter changed; "" takes it out.
func (e event) setting(name, value string) event {
	e.params = e.params.with(name, value)
	return e
}
