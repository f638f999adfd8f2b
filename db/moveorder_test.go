package db_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// movesEndWhere fails unless the last move of a conversion, by time, says where it is, as
// reports of a moment believe.
func movesEndWhere(t *testing.T, d *desk, conversion uuid.UUID, want proofback.Status) {
	t.Helper()
	moves, err := d.store.TransitionsByConversion(t.Context(), proofback.System(), []uuid.UUID{conversion})
	if err != nil {
		t.Fatal(err)
	}
	before := proofback.Status("")
	for _, m := range moves[conversion] {
		if m.From != before {
			t.Errorf("it moves from %q at %s, and was %q", m.From, m.At, before)
		}
		before = m.To
	}
	if before != want {
		t.Errorf("its moves end with %q, want %s", before, want)
	}
	r, err := d.store.Report(t.Context(), proofback.System(), proofback.ReportInput{
		Range: proofback.TimeRange{From: time.Now().AddDate(0, 0, -2), To: time.Now().AddDate(0, 0, 2)},
		Zone:  time.UTC, Limit: 1, AsOf: time.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := map[proofback.Status]int64{approved: r.Totals.Approved, rejected: r.Totals.Rejected}[want]; n != 1 {
		t.Errorf("a report as of now has %d %s", n, want)
	}
}

// What came first may be decided last: it waited for longer, lost a race, or came to a
// process whose clock is behind.
func TestAnApprovalThatCameBeforeItsSaleMovesItAfterwards(t *testing.T) {
	t.Parallel()
	for name, decide := range map[string]func(d *desk, in ...*db.Incoming) ([]proofback.Postback, error){
		"in one batch": func(d *desk, in ...*db.Incoming) ([]proofback.Postback, error) {
			return d.store.Decide(t.Context(), d.setup, in)
		},
		"one after the other": func(d *desk, in ...*db.Incoming) ([]proofback.Postback, error) {
			made, err := d.store.Decide(t.Context(), d.setup, in[:1])
			if err != nil {
				return nil, err
			}
			moved, err := d.store.Decide(t.Context(), d.setup, in[1:])
			return append(made, moved...), err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			click := d.click(t)
			made, moved := d.incoming(sale(click, "1", "100")), d.incoming(sale(click, "1", "100")+"&status=approved")
			moved.ReceivedAt = made.ReceivedAt.Add(-300 * time.Millisecond)
			log, err := decide(d, made, moved)
			if err != nil {
				t.Fatal(err)
			}
			if log[0].Reason != proofback.ReasonAccepted || log[1].Reason != proofback.ReasonStatusUpdated {
				t.Fatalf("%s, %s", log[0].Reason, log[1].Reason)
			}
			movesEndWhere(t, d, log[0].ConversionID, approved)
		})
	}
}

func TestStaffMoveAConversionAfterItsLastMoveWhateverTheClocksSay(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	d := newDesk(t, func(c *db.Config) { c.URL = url })
	behind := dbtest.Open(t, func(c *db.Config) {
		c.URL = url
		c.Now = func() time.Time { return time.Now().Add(-3 * time.Second) }
	})
	id := d.decide(t, sale(d.click(t), "1", "100"))[0].ConversionID
	staff := proofback.Actor{Role: proofback.RoleManager, UserID: newID(t)}
	for _, to := range []proofback.Status{approved, rejected} {
		if _, problems, err := behind.MoveConversions(t.Context(), staff, []uuid.UUID{id}, to, "looked at"); err != nil || len(problems) > 0 {
			t.Fatal(err, problems)
		}
	}
	movesEndWhere(t, d, id, rejected)
}
