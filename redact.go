package proofback

import (
	"net/url"
	"slices"
	"strings"
)

// Redact masks the advertiser's own secrets wherever they stand in a text: what
// came under a name that nobody would take for a token's must not be kept either.
// A nil Guard knows of none.
func (g *Guard) Redact(text string) string {
	if g == nil {
		return text
	}
	for _, secret := range g.Secrets {
		for _, form := range secretForms(secret) {
			text = strings.ReplaceAll(text, form, mask)
		}
	}
	return text
}

// secretForms are the ways in which a secret is met in requests: whole or without
// its prefix, encoded up to twice, and with blanks for the plus signs that a sender
// forgot to encode. Longer ones come first.
func secretForms(secret string) []string {
	var forms []string
	for _, s := range []string{secret, strings.TrimPrefix(secret, "whsec_")} {
		once := url.QueryEscape(s)
		forms = append(forms, url.QueryEscape(once), once, url.PathEscape(s), s, strings.ReplaceAll(s, "+", " "))
	}
	return slices.Compact(forms)
}

// redact masks the sender's secrets in what is kept of a request.
func (r *Reading) redact(g *Guard) {
	if g == nil || len(g.Secrets) == 0 {
		return
	}
	for i := range r.Parameters {
		p := &r.Parameters[i]
		p.Name, p.Value = g.Redact(p.Name), g.Redact(p.Value)
	}
	r.Problems = slices.Clone(r.Problems)
	for i := range r.Problems {
		r.Problems[i].Detail = g.Redact(r.Problems[i].Detail)
	}
	r.Hint = g.Redact(r.Hint)
}
