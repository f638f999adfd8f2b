package proofback

import "fmt"

// Claim reads the values of the parameters, statuses being the advertiser's
// words. A value that says nothing is left out of the claim and told.
func (p PostbackParams) Claim(statuses []StatusMapping) (Claim, []Problem) {
	c := Claim{
		ClickID:   p.Get(ParamClickID),
		TxID:      p.Get(ParamTxID),
		EventType: p.Get(ParamEventType),
		Reason:    p.Get(ParamReason),
		Subs:      p.Subs(),
	}
	var problems []Problem
	read := func(canonical string, parse func(name, value string) *Problem) {
		value, name := p.Sent(canonical)
		if value == "" {
			return
		}
		if problem := parse(name, value); problem != nil {
			problems = append(problems, *problem)
		}
	}
	amount := func(into *Decimal) func(name, value string) *Problem {
		return func(name, value string) (problem *Problem) {
			*into, problem = ParseAmount(name, value)
			return problem
		}
	}
	read(ParamAmount, amount(&c.Amount))
	read(ParamRevenue, amount(&c.Revenue))
	read(ParamPayout, amount(&c.Payout))
	read(ParamCurrency, func(name, value string) (problem *Problem) {
		c.Currency, problem = ParseCurrency(name, value)
		return problem
	})
	read(ParamStatus, func(name, value string) (problem *Problem) {
		c.Status, problem = ParseStatus(name, value, statuses)
		return problem
	})
	read(ParamTimestamp, func(name, value string) (problem *Problem) {
		c.EventAt, problem = ParseTimestamp(name, value)
		return problem
	})
	return c, problems
}

// HintClickID looks for one of our click ids under a name other than click_id's,
// as senders put it that are not mapped yet, and says how to mend it. The second
// result reports whether there is one.
func (p PostbackParams) HintClickID(keys *ClickKeys) (string, bool) {
	for _, sent := range p.All {
		if sent.Canonical == ParamClickID {
			continue
		}
		if _, state := keys.Parse(sent.Value); state == ClickIDWhole {
			return fmt.Sprintf("parameter %q looks like a click id: map it to click_id for this advertiser", sent.Name), true
		}
	}
	return "", false
}
