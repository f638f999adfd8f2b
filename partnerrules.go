package proofback

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

var (
	partnerStatuses = []PartnerStatus{PartnerActive, PartnerPaused, PartnerArchived}
	securityModes   = []SecurityMode{SecurityNone, SecurityToken, SecuritySignature}
	statuses        = []Status{StatusPending, StatusApproved, StatusRejected}
)

// MaxMappings is how many names or words an advertiser may map.
const MaxMappings = 100

// Validate finds what is wrong with an advertiser, by the API's names. Whether
// its time zone exists is not asked: that needs files.
func (a *Advertiser) Validate() error {
	var p Problems
	p.checkName(a.Name, "name")
	checkOneOf(&p, a.Status, partnerStatuses, "status")
	p.checkCurrency(a.Currency, "currency")
	checkOneOf(&p, a.Security, securityModes, "security", "mode")
	if len(a.AllowedIPs) > MaxMappings {
		p.Add([]string{"security", "allowedIps"}, "at most %d ranges", MaxMappings)
	}
	if len(a.ParameterMapping) > MaxMappings {
		p.Add([]string{"parameterMapping"}, "at most %d names", MaxMappings)
	}
	if len(a.StatusMapping) > MaxMappings {
		p.Add([]string{"statusMapping"}, "at most %d words", MaxMappings)
	}
	seen := map[string]bool{}
	for i, m := range a.ParameterMapping {
		at := []string{"parameterMapping", strconv.Itoa(i)}
		p.checkMapped(m.From, strings.ToLower(strings.TrimSpace(m.From)), seen, append(at, "from"))
		if !slices.Contains(CanonicalParameters(), m.To) {
			p.Add(append(at, "to"), "%.40q is not a canonical parameter: one of %s", m.To, strings.Join(CanonicalParameters(), ", "))
		}
	}
	clear(seen)
	for i, m := range a.StatusMapping {
		at := []string{"statusMapping", strconv.Itoa(i)}
		p.checkMapped(m.From, strings.ToLower(strings.TrimSpace(m.From)), seen, append(at, "from"))
		checkOneOf(&p, m.To, statuses, append(at, "to")...)
	}
	return p.Err()
}

// checkMapped wants a word that is not mapped twice; key is how it is compared.
func (p *Problems) checkMapped(word, key string, seen map[string]bool, path []string) {
	switch {
	case strings.TrimSpace(word) == "" || len(word) > 64:
		p.Add(path, "1 to 64 characters are needed")
	case seen[key]:
		p.Add(path, "%q is mapped twice", word)
	}
	seen[key] = true
}

// Public is what an affiliate may know of an advertiser: nothing of how it
// reports. Its Security is "".
func (a *Advertiser) Public() Advertiser {
	return Advertiser{ID: a.ID, Name: a.Name, Status: a.Status, Currency: a.Currency, TimeZone: a.TimeZone, CreatedAt: a.CreatedAt}
}

// PostbackURL is the advertiser's own endpoint as a template for its server:
// its own names for the parameters, the macros' places in braces, no secret.
func (a *Advertiser) PostbackURL(publicURL string) string {
	own := a.ownNames()
	names := []string{ParamClickID, ParamTxID, ParamEventType, ParamStatus, ParamAmount, ParamCurrency}
	proofs := []string{ParamToken, ParamSig, ParamSigTime}
	for _, name := range CanonicalParameters() {
		if own[name] != "" && !slices.Contains(names, name) && !slices.Contains(proofs, name) {
			names = append(names, name)
		}
	}
	if a.Security == SecurityToken {
		names = append(names, ParamToken)
	}
	var b strings.Builder
	b.WriteString(a.endpoint(publicURL))
	separator := byte('?')
	for _, name := range names {
		sent := a.nameOf(name, own)
		if sent == "" {
			continue
		}
		b.WriteByte(separator)
		b.WriteString(url.QueryEscape(sent) + "={" + name + "}")
		separator = '&'
	}
	return b.String()
}

// endpoint is where the advertiser's own requests go.
func (a *Advertiser) endpoint(publicURL string) string {
	return publicURL + "/postback/" + a.PostbackKey
}

// ownNames leads from canonical names to the advertiser's own, where it has one.
func (a *Advertiser) ownNames() map[string]string {
	own := map[string]string{}
	for _, m := range a.ParameterMapping {
		if own[m.To] == "" {
			own[m.To] = strings.TrimSpace(m.From)
		}
	}
	return own
}

// nameOf is what the advertiser is to send a canonical parameter under. Where it has our
// name mapped to something else, that is another of ours; "" when none is left.
func (a *Advertiser) nameOf(canonical string, own map[string]string) string {
	if own[canonical] != "" {
		return own[canonical]
	}
	for _, name := range append([]string{canonical}, slices.Sorted(maps.Keys(canonicalNames))...) {
		if canonicalParameter(name, a.ParameterMapping) == canonical {
			return name
		}
	}
	return ""
}

// Validate finds what is wrong with an affiliate, by the API's names.
func (a *Affiliate) Validate() error {
	var p Problems
	p.checkName(a.Name, "name")
	checkOneOf(&p, a.Status, partnerStatuses, "status")
	p.checkCurrency(a.Currency, "currency")
	return p.Err()
}

// Validate finds what is wrong with a user, by the API's names.
func (u *User) Validate() error {
	var p Problems
	if at := strings.LastIndexByte(u.Email, '@'); at < 1 || at == len(u.Email)-1 || len(u.Email) > 254 ||
		strings.ContainsFunc(u.Email, func(r rune) bool { return r <= ' ' || r == 0x7f }) || u.Email != strings.ToLower(u.Email) {
		p.Add([]string{"email"}, "an e-mail address is needed, such as name@company.example")
	}
	checkOneOf(&p, u.Role, []Role{RoleAdmin, RoleManager, RoleAffiliate, RoleAdvertiser}, "role")
	if a := (Actor{Role: u.Role, AffiliateID: u.AffiliateID, AdvertiserID: u.AdvertiserID}); len(p) == 0 && a.Validate() != nil {
		p.Add([]string{"role"}, "the role does not fit the partner: AFFILIATE needs an affiliateId, ADVERTISER an advertiserId, staff neither")
	}
	return p.Err()
}

// Passwords are of 10 to 200 characters.
const (
	MinPassword = 10
	MaxPassword = 200
)
