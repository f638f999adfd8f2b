package db_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// A status that was sent before the event was known is no news when it is replayed.
func TestAReplayDoesNotBringBackOldNews(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	click := d.click(t)
	log := d.decide(t,
		"event_type=sale&txid=1&status=approved&click_id="+click, // without the amount that is needed
		sale(click, "1", "100"))
	if log[0].Reason != proofback.ReasonMissingAmount || log[1].Reason != proofback.ReasonAccepted {
		t.Fatal(log[0].Reason, log[1].Reason)
	}
	again, _ := d.replay(t, log[0].ID)
	if again[0].Reason != proofback.ReasonDuplicate {
		t.Errorf("%s: %s", again[0].Reason, again[0].Message)
	}
}

// What was refused together is mended together: the later of two is news to the
// conversion that the earlier one's replay makes.
func TestReplaysOfAnEventAreNewsInTheOrderInWhichTheyCame(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	click := d.click(t)
	log := d.decide(t, sale(click, "1", "100")+"&status=lead")
	log = append(log, d.decide(t, sale(click, "1", "100")+"&status=paid")...)
	d.exec(t, `UPDATE advertisers SET status_mapping = '[{"from": "lead", "to": "PENDING"}, {"from": "paid", "to": "APPROVED"}]'`)
	if err := d.setup.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, want := range []proofback.Reason{proofback.ReasonAccepted, proofback.ReasonStatusUpdated} {
		if again, _ := d.replay(t, log[i].ID); again[0].Reason != want {
			t.Errorf("%d: %s (%s), want %s", i, again[0].Reason, again[0].Message, want)
		}
	}
}

// A clock that was ahead when the request came is not put right by waiting.
func TestAReplayIsJudgedByTheClockOfItsRequest(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	in := d.incoming(sale(d.click(t), "1", "100") + "&timestamp=" + url.QueryEscape(time.Now().UTC().Add(-10*time.Second).Format(time.RFC3339)))
	in.ReceivedAt = in.ReceivedAt.Add(-10 * time.Minute)
	log, err := d.store.Decide(t.Context(), d.setup, []*db.Incoming{in})
	if err != nil {
		t.Fatal(err)
	}
	p := log[0]
	if p.Reason != proofback.ReasonInvalidTimestamp {
		t.Fatal(p.Reason, p.Message)
	}
	if again, _ := d.replay(t, p.ID); again[0].Reason != proofback.ReasonInvalidTimestamp {
		t.Errorf("%s: %s", again[0].Reason, again[0].Message)
	}
}
