package proofback

// ReadRequest reads a raw request as an advertiser means it; a nil advertiser
// has no names and words of its own. What it gives lacks the request's id, time
// and endpoint, which do not depend on the reading.
func ReadRequest(raw PostbackRequest, a *Advertiser, keys *ClickKeys) Reading {
	var words []StatusMapping
	if a != nil {
		raw.Mapping, words = a.ParameterMapping, a.StatusMapping
	}
	params, problems := ReadPostback(raw)
	claim, more := params.Claim(words)
	r := Reading{Parameters: MaskParameters(params.All)}
	r.Claim, r.Problems = claim, append(problems, more...)
	r.ClickID, r.ClickIDState = keys.Parse(claim.ClickID)
	if r.ClickIDState != ClickIDWhole {
		r.Hint, _ = params.HintClickID(keys)
	}
	return r
}
