package proofback

import "github.com/google/uuid"

// Answer is what the sender of a postback is told, as JSON.
type Answer struct {
	RequestID    string `json:"request_id"`
	Result       Result `json:"result"`
	Reason       Reason `json:"reason"`
	Message      string `json:"message"`
	ConversionID string `json:"conversion_id,omitempty"`
	Status       string `json:"status,omitempty"`
}

// AppendAnswer appends the Answer to p, ending in a line feed; status is that of the
// conversion as REST spells it, "" where there is none. Ids are the API's own, so that a
// trace can be asked for by what the answer holds.
func (p *Postback) AppendAnswer(b []byte, status string) []byte {
	b = appendGlobalID(append(b, `{"request_id":"`...), KindPostback, p.ID)
	b = appendJSONField(append(b, '"'), ',', "result", string(p.Result))
	b = appendJSONField(b, ',', "reason", string(p.Reason))
	b = appendJSONField(b, ',', "message", p.Message)
	if p.ConversionID != uuid.Nil {
		b = appendGlobalID(append(b, `,"conversion_id":"`...), KindConversion, p.ConversionID)
		b = append(b, '"')
	}
	if status != "" {
		b = appendJSONField(b, ',', "status", status)
	}
	return append(b, '}', '\n')
}
