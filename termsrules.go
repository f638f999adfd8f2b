package proofback

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	offerStatuses        = []OfferStatus{OfferActive, OfferPaused, OfferArchived}
	offerAccesses        = []OfferAccess{OfferPublic, OfferApproval, OfferPrivate}
	devices              = []Device{DeviceDesktop, DeviceMobile, DeviceTablet, DeviceOther}
	capMetrics           = []CapMetric{CapConversions, CapPayout, CapClicks}
	capPeriods           = []CapPeriod{CapDaily, CapMonthly, CapTotal}
	priceModels          = []PriceModel{PriceFixed, PricePercent, PricePostback}
	approvals            = []Approval{ApprovalAuto, ApprovalManual}
	prerequisitePolicies = []MissingPrerequisite{PrerequisiteReject, PrerequisiteWait}
)

// Bounds of terms. Windows are as long as clicks can be expected to be kept.
const (
	MaxWindowHours   = 366 * 24
	MaxDedupeMinutes = 366 * 24 * 60
	MaxGoals         = 50
	MaxPercent       = "1000"
)

// Validate finds what is wrong with terms, by the API's names.
func (t *Terms) Validate() error {
	var p Problems
	p.checkName(t.Name, "name")
	checkOneOf(&p, t.Status, offerStatuses, "status")
	checkOneOf(&p, t.Access, offerAccesses, "access")
	p.checkTemplate(t.LandingURL, ParseLandingTemplate, "landingUrl")
	if t.FallbackURL != "" {
		p.checkTemplate(t.FallbackURL, ParseFallbackTemplate, "fallbackUrl")
	}
	if t.AttributionWindowHours < 1 || t.AttributionWindowHours > MaxWindowHours {
		p.Add([]string{"attributionWindowHours"}, "from 1 to %d hours", MaxWindowHours)
	}
	t.checkTargeting(&p)
	t.checkCaps(&p)
	t.checkGoals(&p)
	return p.Err()
}

func (t *Terms) checkTargeting(p *Problems) {
	for i, c := range t.Targeting.Countries {
		if !isCountry(c) {
			p.Add([]string{"targeting", "countries", strconv.Itoa(i)}, notCountry, c)
		}
	}
	for i, d := range t.Targeting.Devices {
		checkOneOf(p, d, devices, "targeting", "devices", strconv.Itoa(i))
	}
}

func (t *Terms) checkCaps(p *Problems) {
	type kind struct {
		metric CapMetric
		period CapPeriod
	}
	seen := map[kind]bool{}
	for i, c := range t.Caps {
		at := []string{"caps", strconv.Itoa(i)}
		checkOneOf(p, c.Metric, capMetrics, append(at, "metric")...)
		checkOneOf(p, c.Period, capPeriods, append(at, "period")...)
		switch {
		case !p.checkAmount(c.Limit, append(at, "limit")...):
		case c.Limit.Sign() == 0:
			p.Add(append(at, "limit"), "a limit is more than 0: pause the offer to take nothing")
		case c.Metric != CapPayout && strings.ContainsRune(c.Limit.Canonical(), '.'):
			p.Add(append(at, "limit"), "a number of things is whole")
		}
		if k := (kind{c.Metric, c.Period}); seen[k] {
			p.Add(at, "there is a cap on %s per %s already", c.Metric, c.Period)
		} else {
			seen[k] = true
		}
	}
}

func (t *Terms) checkGoals(p *Problems) {
	if len(t.Goals) > MaxGoals {
		p.Add([]string{"goals"}, "at most %d goals", MaxGoals)
		return
	}
	seen := map[string]bool{}
	for i := range t.Goals {
		g := &t.Goals[i]
		at := []string{"goals", strconv.Itoa(i)}
		p.checkEventType(g.EventType, append(at, "eventType")...)
		if seen[g.EventType] {
			p.Add(append(at, "eventType"), "there is a goal with this event type already")
		}
		seen[g.EventType] = true
		g.check(p, at)
		switch {
		case g.Requires == "":
		case g.Requires == g.EventType:
			p.Add(append(at, "requires"), "a goal cannot require itself")
		case !slices.ContainsFunc(t.Goals, func(o Goal) bool { return o.EventType == g.Requires }):
			p.Add(append(at, "requires"), "the offer has no goal %.64q", g.Requires)
		case t.requiresItself(g):
			p.Add(append(at, "requires"), "goals may not require one another in a circle")
		}
	}
}

// requiresItself follows what g requires and reports whether that leads back.
func (t *Terms) requiresItself(g *Goal) bool {
	for at, steps := g, 0; at.Requires != "" && steps <= len(t.Goals); steps++ {
		next, ok := t.Goal(at.Requires)
		if !ok {
			return false
		}
		if next == g {
			return true
		}
		at = next
	}
	return false
}

func (g *Goal) check(p *Problems, at []string) {
	p.checkName(g.Name, append(at, "name")...)
	g.Payout.check(p, append(at, "payout"))
	g.Revenue.check(p, append(at, "revenue"))
	checkOneOf(p, g.Approval, approvals, append(at, "approval")...)
	checkOneOf(p, g.WhenPrerequisiteMissing, prerequisitePolicies, append(at, "whenPrerequisiteMissing")...)
	if g.WindowHours < 0 || g.WindowHours > MaxWindowHours {
		p.Add(append(at, "windowHours"), "from 1 to %d hours", MaxWindowHours)
	}
	if g.DedupeWindowMinutes < 1 || g.DedupeWindowMinutes > MaxDedupeMinutes {
		p.Add(append(at, "dedupeWindowMinutes"), "from 1 to %d minutes", MaxDedupeMinutes)
	}
	if m := g.MinimumAmount; !m.IsZero() {
		p.checkAmount(m.Amount, append(at, "minimumAmount", "amount")...)
		p.checkCurrency(m.Currency, append(at, "minimumAmount", "currency")...)
	}
}

// check finds what is wrong with a price: exactly what its model needs is there.
func (r Price) check(list *Problems, at []string) {
	at = at[:len(at):len(at)]
	checkOneOf(list, r.Model, priceModels, append(at, "model")...)
	switch {
	case r.Model != PriceFixed && r.Amount != "":
		list.Add(append(at, "amount"), "only FIXED has an amount")
	case r.Model == PriceFixed && r.Amount == "":
		list.Add(append(at, "amount"), "FIXED needs an amount")
	case r.Model == PriceFixed:
		list.checkAmount(r.Amount, append(at, "amount")...)
	}
	switch {
	case r.Model != PricePercent && r.Percent != "":
		list.Add(append(at, "percent"), "only PERCENT has a percent")
	case r.Model == PricePercent && r.Percent == "":
		list.Add(append(at, "percent"), "PERCENT needs a percent")
	case r.Model == PricePercent && list.checkAmount(r.Percent, append(at, "percent")...) && r.Percent.Cmp(MaxPercent) > 0:
		list.Add(append(at, "percent"), "at most %s per cent", MaxPercent)
	}
	switch {
	case r.Model == PricePercent && r.Currency != "":
		list.Add(append(at, "currency"), "a share is in the currency of the postback's amount")
	case r.Model == PriceFixed && r.Currency == "":
		list.Add(append(at, "currency"), "FIXED needs a currency")
	case r.Currency != "":
		list.checkCurrency(r.Currency, append(at, "currency")...)
	}
}

// Validate finds what is wrong with a price; field is where it stands.
func (r Price) Validate(field ...string) error {
	var list Problems
	r.check(&list, field)
	return list.Err()
}

// checkAmount wants a decimal that is not negative, of at most 12 digits before
// and 6 after the point, as postbacks do; it reports whether it is.
func (p *Problems) checkAmount(d Decimal, path ...string) bool {
	parsed, ok := ParseDecimal(string(d))
	_, frac, _ := strings.Cut(string(d), ".")
	if !ok || parsed.Sign() < 0 || utf8.RuneCountInString(frac) > 6 {
		p.Add(path, "%.40q is not an amount: plain digits, not negative, at most 12 before and 6 after the point", string(d))
		return false
	}
	return true
}
