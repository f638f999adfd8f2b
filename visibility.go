package proofback

import (
	"net/netip"
	"slices"

	"github.com/google/uuid"
)

// What of a row a partner may see is said here, once for all transports. Which
// rows it may see at all is the Store's part.

// MaskFor takes out of c the money that is not a's to see. Where the revenue stood
// in for the amount, an affiliate may not see the amount either.
func (c *Conversion) MaskFor(a Actor) {
	if !a.SeesRevenue() {
		if c.AmountIsRevenue || c.Amount.tells(c.Revenue) {
			c.Amount = Money{}
		}
		c.Revenue, c.Normalized.Revenue = Money{}, Money{}
	}
	if !a.SeesPayout() {
		c.Payout, c.Normalized.Payout = Money{}, Money{}
	}
}

// tells reports whether a line was made of the whole of m.
func (m Money) tells(line Money) bool {
	if m.Currency != line.Currency || m.IsZero() {
		return false
	}
	if _, ok := CurrencyDigits(m.Currency); !ok {
		return true // what cannot be compared is kept back
	}
	return m.Round().Equal(line)
}

// MaskFor takes the visitor's address out of c: advertisers do not see it, and
// affiliates see its network only (/24 or /48), which tells countries and
// providers but nobody apart.
func (c *Click) MaskFor(a Actor) {
	switch {
	case a.IsStaff():
	case a.Role == RoleAffiliate:
		c.IP = network(c.IP)
	default:
		c.IP = netip.Addr{}
	}
}

func network(ip netip.Addr) netip.Addr {
	bits := 48
	if ip = ip.Unmap(); ip.Is4() {
		bits = 24
	}
	p, err := ip.Prefix(bits)
	if err != nil { // the zero address
		return netip.Addr{}
	}
	return p.Addr()
}

// MaskFor takes out of t which person of the network it was: partners see that it
// was one.
func (t *Transition) MaskFor(a Actor) {
	if !a.IsStaff() {
		t.ByUser, t.ByEmail = uuid.Nil, ""
	}
}

// openParameters are the parameters of a postback that its affiliate may read:
// what it knows of the event anyway. Amounts are not among them, nor names that
// mean nothing to us, since anything may be in those.
var openParameters = []string{
	ParamClickID, ParamTxID, ParamEventType, ParamStatus, ParamTimestamp, ParamReason,
	"sub1", "sub2", "sub3", "sub4", "sub5", "sub6", "sub7", "sub8", "sub9", "sub10",
}

// openChecks are the checks whose sentences hold nothing of the advertiser's
// terms or amounts; those of openWhenPassed hold something only when they fail.
var (
	openChecks     = []string{"click_id", "click", "event", "transition", "once_per_click", "offer", "window", "caps", "prerequisite", "period"}
	openWhenPassed = []string{"security", "request", "values", "same_event", "price", "minimum"}
)

// notShown stands where a sentence may hold amounts that are not an affiliate's
// to see.
const notShown = "the details are shown to the advertiser and the network"

// MaskFor takes out of p what is between the advertiser and the network: affiliates
// see what became of a request about their click, and why, but neither the
// request itself nor sentences that may hold amounts.
func (p *Postback) MaskFor(a Actor) {
	if a.Role != RoleAffiliate {
		return
	}
	p.URL, p.RemoteIP, p.ResponseBody = "", "", ""
	p.Parameters = slices.DeleteFunc(slices.Clone(p.Parameters), func(p Parameter) bool {
		return !slices.Contains(openParameters, p.Canonical)
	})
	p.Checks = slices.Clone(p.Checks)
	open := p.Result != ResultRejected && p.Result != ResultDeferred
	for i := range p.Checks {
		c := &p.Checks[i]
		switch {
		case slices.Contains(openChecks, c.Name):
			open = open || !c.Passed
		case !c.Passed || !slices.Contains(openWhenPassed, c.Name):
			c.Detail = notShown
		}
	}
	// A refusal's message is the sentence of the check that refused.
	if !open {
		p.Message = notShown
	}
}
