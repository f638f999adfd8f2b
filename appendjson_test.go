package proofback

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"
)

func TestJSONMadeByHandSaysWhatItWasMadeOf(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ -~]{0,20}`))
		parameters := rapid.SliceOf(rapid.Custom(func(t *rapid.T) Parameter {
			return Parameter{text.Draw(t, "name"), text.Draw(t, "value"), text.Draw(t, "canonical")}
		})).Draw(t, "parameters")
		checks := rapid.SliceOf(rapid.Custom(func(t *rapid.T) Check {
			return Check{text.Draw(t, "name"), rapid.Bool().Draw(t, "passed"), text.Draw(t, "detail")}
		})).Draw(t, "checks")
		d := Decision{Result: ResultAccepted, Reason: ReasonAccepted, Message: text.Draw(t, "message"), Status: StatusPending}
		if rapid.Bool().Draw(t, "made") {
			d.ConversionID = uuid.UUID{1}
		}
		same(t, parameters, AppendParameters(nil, parameters))
		same(t, checks, AppendChecks(nil, checks))
		answer := d.Answer(uuid.UUID{2})
		same(t, *answer, answer.JSON())
	})
}

func same[T any](t *rapid.T, want T, text []byte) {
	var got T
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +said):\n%s", text, diff)
	}
}
