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

// Answer tells the sender what was decided. Ids are the API's own, so that a
// trace can be asked for by what the answer holds.
func (d *Decision) Answer(request uuid.UUID) *Answer {
	a := &Answer{
		RequestID: GlobalID(KindPostback, request),
		Result:    d.Result,
		Reason:    d.Reason,
		Message:   d.Message,
		Status:    d.Status.Word(),
	}
	if d.ConversionID != uuid.Nil {
		a.ConversionID = GlobalID(KindConversion, d.ConversionID)
	}
	return a
}

// JSON is the answer's body, ending in a line feed.
func (a *Answer) JSON() []byte {
	b := make([]byte, 0, 192+len(a.Message))
	b = appendJSONField(b, '{', "request_id", a.RequestID)
	b = appendJSONField(b, ',', "result", string(a.Result))
	b = appendJSONField(b, ',', "reason", string(a.Reason))
	b = appendJSONField(b, ',', "message", a.Message)
	if a.ConversionID != "" {
		b = appendJSONField(b, ',', "conversion_id", a.ConversionID)
	}
	if a.Status != "" {
		b = appendJSONField(b, ',', "status", a.Status)
	}
	return append(b, '}', '\n')
}
