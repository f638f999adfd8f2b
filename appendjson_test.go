package proofback

import (
	"encoding/json"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

func TestJSONMadeByHandSaysWhatItWasMadeOf(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ -~]{0,20}`))
		p := Postback{ID: uuid.UUID{2}, Result: ResultAccepted, Reason: ReasonAccepted, Message: text.Draw(t, "message")}
		want := Answer{RequestID: GlobalID(KindPostback, p.ID), Result: p.Result, Reason: p.Reason, Message: p.Message, Status: "pending"}
		if rapid.Bool().Draw(t, "made") {
			p.ConversionID = uuid.UUID{1}
			want.ConversionID = GlobalID(KindConversion, p.ConversionID)
		}
		got := Answer{}
		body := p.AppendAnswer(nil, want.Status)
		if err := json.Unmarshal(body, &got); err != nil || got != want {
			t.Errorf("%s, %v, and not %+v", body, err, want)
		}
	})
}
