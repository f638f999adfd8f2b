package proofback

import "github.com/google/uuid"

// Sender is the advertiser that a request is read for: its names and words, and
// what it demands of its own requests. The zero Sender is nobody we know.
type Sender struct {
	Advertiser *Advertiser
	Guard      *Guard // nil where nothing has to be proved, as in a replay by staff
}

// ReadRequest reads a raw request as its sender means it, and has it prove whose
// it is. What it gives lacks the request's id, time and endpoint, which do not
// depend on the reading.
func ReadRequest(raw PostbackRequest, c Credentials, s Sender, keys *ClickKeys) Reading {
	var words []StatusMapping
	if s.Advertiser != nil {
		raw.Mapping, words = s.Advertiser.ParameterMapping, s.Advertiser.StatusMapping
	}
	params, problems := ReadPostback(raw)
	claim, more := params.Claim(words)
	r := Reading{Parameters: MaskParameters(params.All)}
	r.Problems = append(problems, more...)
	r.ClickID, r.ClickIDState = keys.Parse(claim.ClickID)
	if r.ClickIDState != ClickIDWhole {
		r.Hint, _ = params.HintClickID(keys)
	}
	r.redact(s.Guard)
	maskClaim(&claim, PostbackParams{r.Parameters}, keys)
	r.Claim = claim
	if s.Guard != nil {
		if c.Token == "" {
			c.Token = params.Get(ParamToken)
		}
		r.Nonce, r.Refusal = s.Guard.Check(&raw, &c)
		r.Mode = s.Guard.Mode
	}
	return r
}

// ReadClickID gives the click id that ReadRequest finds for nobody we know. It is what a
// request is looked up by before it is known whose it is.
func ReadClickID(raw PostbackRequest, keys *ClickKeys) (uuid.UUID, ClickIDState) {
	r := paramReader{only: ParamClickID}
	r.read(&raw)
	return keys.Parse(PostbackParams{r.params}.Get(ParamClickID))
}

// maskClaim takes personal data out of what will be stored. The transaction id
// must still tell events apart, so a pseudonym stands for it.
func maskClaim(c *Claim, masked PostbackParams, keys *ClickKeys) {
	c.Subs = masked.Subs()
	c.Reason = masked.Get(ParamReason)
	c.EventType = masked.Get(ParamEventType)
	if masked.Get(ParamTxID) != c.TxID {
		c.TxID = keys.Pseudonym(c.TxID)
	}
}
