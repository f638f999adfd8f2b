package proofback

import (
	"net/url"
	"time"
)

// CorrectionAction is what is done about a difference.
type CorrectionAction string

const (
	CorrectApprove CorrectionAction = "APPROVE"
	CorrectReject  CorrectionAction = "REJECT"
	CorrectImport  CorrectionAction = "IMPORT"
	CorrectAdjust  CorrectionAction = "ADJUST"
)

// PostbackQuery is the postback that an advertiser would have sent for a line of its
// list, in our own names and words.
func (r *ListRow) PostbackQuery(keys *ClickKeys, reason string) string {
	q := url.Values{}
	set := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	if r.ClickID != [16]byte{} {
		set(ParamClickID, keys.Encode(r.ClickID))
	}
	set(ParamTxID, r.TxID)
	set(ParamEventType, r.EventType)
	set(ParamAmount, string(r.Amount))
	set(ParamRevenue, string(r.Revenue))
	if r.Amount != "" || r.Revenue != "" {
		set(ParamCurrency, r.Currency)
	}
	set(ParamStatus, r.Status.Word())
	if !r.At.IsZero() {
		set(ParamTimestamp, r.At.Format(time.RFC3339))
	}
	set(ParamReason, reason)
	return q.Encode()
}
