package proofback

import (
	"encoding/json"
	"testing"
)

func TestTheLifecycle(t *testing.T) {
	t.Parallel()
	allowed := map[[2]Status]map[Mover]bool{
		{StatusPending, StatusApproved}:  {MoverPostback: true, MoverStaff: true},
		{StatusPending, StatusRejected}:  {MoverPostback: true, MoverStaff: true},
		{StatusApproved, StatusRejected}: {MoverStaff: true},
		{StatusRejected, StatusApproved}: {MoverStaff: true},
	}
	all := []Status{StatusPending, StatusApproved, StatusRejected}
	for _, from := range all {
		for _, to := range append(all, "PAID") {
			for _, by := range []Mover{MoverPostback, MoverStaff} {
				if got := CanMove(from, to, by); got != allowed[[2]Status{from, to}][by] {
					t.Errorf("%s to %s by %d: %v", from, to, by, got)
				}
			}
		}
		if from.Billable() != (from == StatusApproved) || !from.Valid() {
			t.Errorf("%s is billable: %v", from, from.Billable())
		}
	}
	if Status("PAID").Valid() || Status("PAID").Word() != "" {
		t.Error("PAID is no status")
	}
	if NeedsReason(StatusPending, StatusApproved) || !NeedsReason(StatusRejected, StatusApproved) || !NeedsReason(StatusPending, StatusRejected) {
		t.Error("rejections and revivals need a reason, an approval does not")
	}
}

func TestTheAnswerTellsTheSenderEverythingItNeeds(t *testing.T) {
	t.Parallel()
	d := Decide(testRequest(nil), testFacts())
	var got map[string]string
	p := Postback{ID: id(idRequest), Result: d.Result, Reason: d.Reason, Message: d.Message, ConversionID: d.ConversionID}
	if err := json.Unmarshal(p.AppendAnswer(nil, d.Status.Word()), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"request_id": GlobalID(KindPostback, id(idRequest)), "result": "accepted", "reason": "ACCEPTED", "message": d.Message,
		"conversion_id": GlobalID(KindConversion, d.ConversionID), "status": "pending",
	}
	if len(got) != len(want) {
		t.Errorf("%v", got)
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s: %q, want %q", k, got[k], v)
		}
	}
	none := Postback{Result: ResultRejected, Reason: ReasonBadRequest, Message: "<&>"}
	body := string(none.AppendAnswer(nil, ""))
	if want := `{"request_id":"UG9zdGJhY2s6AAAAAAAAAAAAAAAAAAAAAA","result":"rejected","reason":"BAD_REQUEST","message":"<&>"}` + "\n"; body != want {
		t.Errorf("%s, want %s", body, want)
	}
}

func TestADestinationRepeatsOnlyWhatItAskedFor(t *testing.T) {
	t.Parallel()
	pairs := map[Outcome]RetryOn{
		OutcomeNetworkFailure: RetryNetworkFailure, OutcomeTimeout: RetryTimeout,
		OutcomeServerError: RetryServerError, OutcomeTooManyRequests: RetryTooManyRequests,
	}
	for _, o := range []Outcome{
		OutcomeDelivered, OutcomeRedirect, OutcomeGone, OutcomeClientError, OutcomeTooManyRequests,
		OutcomeServerError, OutcomeTimeout, OutcomeNetworkFailure, OutcomeBlocked, OutcomeInvalidURL,
	} {
		for _, on := range pairs {
			if got := o.Retries([]RetryOn{on}); got != (pairs[o] == on) {
				t.Errorf("%s with %s: %v", o, on, got)
			}
		}
		if o.Retries(nil) {
			t.Errorf("%s is repeated unasked", o)
		}
	}
}
