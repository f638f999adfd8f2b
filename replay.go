package proofback

import (
	"net/url"
	"slices"
	"strings"
)

// Again rebuilds a logged request as the advertiser means it today, so that it
// can be put through the rules again; a nil advertiser is one that could not be
// told. What the log does not hold is not made up: the error says what is
// missing. The request's own proof is not kept, and so not asked for again: one
// that failed to prove whose it is cannot be replayed.
func (p *Postback) Again(a *Advertiser) (PostbackRequest, *Error) {
	switch p.Reason {
	case ReasonTokenInvalid, ReasonSignatureInvalid, ReasonSignatureExpired, ReasonIPNotAllowed:
		return PostbackRequest{}, Errorf(CodeConflict, "the request did not prove to be the advertiser's (%s): have the advertiser send it again", p.Reason)
	case ReasonBadRequest, ReasonBodyTooLarge, ReasonUnsupportedMediaType:
		return PostbackRequest{}, Errorf(CodeConflict, "the request could not be read (%s), so the log does not hold all of it: have the advertiser send it again", p.Reason)
	}
	var query strings.Builder
	for _, param := range p.Parameters {
		if isProof(param.Name) || isProof(param.Canonical) {
			continue
		}
		if query.Len() > 0 {
			query.WriteByte('&')
		}
		query.WriteString(url.QueryEscape(param.Name) + "=" + url.QueryEscape(param.Value))
	}
	again := PostbackRequest{RawQuery: query.String()}
	if a != nil {
		again.Mapping = a.ParameterMapping
	}
	params, _ := ReadPostback(again)
	for _, param := range params.All {
		if param.Canonical != "" && strings.Contains(param.Value, mask) {
			return PostbackRequest{}, Errorf(CodeConflict, "the value of %q was masked before it was logged, so it cannot be put through the rules again: have the advertiser send it again", param.Name)
		}
	}
	return again, nil
}

// isProof reports whether a parameter only proves whose the request is.
func isProof(name string) bool {
	return slices.Contains([]string{ParamToken, ParamSig, ParamSigTime}, strings.ToLower(name))
}
