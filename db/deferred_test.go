package db_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// notebook notes which looks were asked for.
type notebook struct {
	nobody
	looks []uuid.UUID
}

func (n *notebook) EnqueueLooks(_ context.Context, _ pgx.Tx, postbacks []uuid.UUID) error {
	n.looks = append(n.looks, postbacks...)
	return nil
}

// waiting is a desk whose goal "upsell" waits for a "sale".
func waiting(t *testing.T) (*desk, *notebook) {
	t.Helper()
	d := newDesk(t)
	d.putTerms(t, func(terms *proofback.Terms) {
		upsell := terms.Goals[0]
		upsell.ID, upsell.EventType, upsell.Requires, upsell.WhenPrerequisiteMissing = newID(t), "upsell", "sale", proofback.PrerequisiteWait
		terms.Goals = append(terms.Goals, upsell)
	})
	n := &notebook{}
	d.store.SetEnqueuer(n)
	return d, n
}

func TestAnEventWaitsForItsPrerequisite(t *testing.T) {
	t.Parallel()
	d, n := waiting(t)
	click := d.click(t)
	upsell := d.decide(t, "event_type=upsell&txid=u&amount=5&currency=EUR&sub1=me@example.com&click_id="+click)[0]
	if upsell.Result != proofback.ResultDeferred || upsell.ResponseStatus != 202 || !slices.Contains(n.looks, upsell.ID) {
		t.Fatalf("%s %d, looks %v", upsell.Result, upsell.ResponseStatus, n.looks)
	}
	again, err := d.store.LookAgain(t.Context(), d.setup, d.keys, upsell.ID)
	if err != nil || again == 0 {
		t.Fatalf("a look before the prerequisite came: %v, %v", again, err)
	}
	n.looks = nil
	d.decide(t, sale(click, "s", "100"))
	if !slices.Contains(n.looks, upsell.ID) {
		t.Error("the prerequisite came, and nobody looks")
	}
	again, err = d.store.LookAgain(t.Context(), d.setup, d.keys, upsell.ID)
	if err != nil || again != 0 {
		t.Fatalf("a look after the prerequisite came: %v, %v", again, err)
	}
	if n := d.count(t, `SELECT count(*) FROM conversions WHERE event_type = 'upsell' AND event_at = (SELECT received_at FROM postbacks WHERE id = $1)`, upsell.ID); n != 1 {
		t.Errorf("%d conversions at the time the event was received, want 1", n)
	}
	if n := d.count(t, `SELECT count(*) FROM postbacks WHERE replay_of = $1`, upsell.ID); n != 2 {
		t.Errorf("%d looks in the log, want 2", n)
	}
	if n := d.count(t, `SELECT count(*) FROM conversions WHERE subs::text LIKE '%example.com%'`) + d.count(t, `SELECT count(*) FROM deferred`); n != 0 {
		t.Error("an e-mail address was stored, or something still waits")
	}
	if again, err := d.store.LookAgain(t.Context(), d.setup, d.keys, upsell.ID); again != 0 || err != nil {
		t.Errorf("a late look: %v, %v", again, err)
	}
	if n := d.count(t, `SELECT count(*) FROM postbacks WHERE replay_of = $1`, upsell.ID); n != 2 {
		t.Errorf("a late look was logged")
	}
}

func TestAnEventThatWaitedTooLongIsRefused(t *testing.T) {
	t.Parallel()
	d, _ := waiting(t)
	upsell := d.decide(t, "event_type=upsell&txid=u&amount=5&currency=EUR&click_id="+d.click(t))[0]
	d.exec(t, `UPDATE deferred SET until = now() - interval '1 second'`)
	if again, err := d.store.LookAgain(t.Context(), d.setup, d.keys, upsell.ID); again != 0 || err != nil {
		t.Fatalf("the last look: %v, %v", again, err)
	}
	if n := d.count(t, `SELECT count(*) FROM conversions WHERE status = 'REJECTED' AND reason = 'PREREQUISITE_MISSING'`); n != 1 {
		t.Errorf("%d refused conversions, want 1", n)
	}
	if n := d.count(t, `SELECT count(*) FROM deferred`); n != 0 {
		t.Error("it still waits")
	}
}

// An event may wait for longer than the log of requests is kept: whoever was told that it
// was taken was not told that for the log alone.
func TestAnEventThatWaitsOutlivesTheLogOfItsRequest(t *testing.T) {
	t.Parallel()
	d, n := waiting(t)
	click := d.click(t)
	upsell := d.decide(t, "event_type=upsell&txid=u&amount=5&currency=EUR&click_id="+click)[0]
	d.exec(t, `DELETE FROM postbacks WHERE id = $1`, upsell.ID) // as its partition is dropped
	if again, err := d.store.LookAgain(t.Context(), d.setup, d.keys, upsell.ID); err != nil || again == 0 {
		t.Errorf("a look before the prerequisite came: %v, %v", again, err)
	}
	n.looks = nil
	d.decide(t, sale(click, "s", "100"))
	if !slices.Contains(n.looks, upsell.ID) {
		t.Error("the prerequisite came, and nobody looks")
	}
	if again, err := d.store.LookAgain(t.Context(), d.setup, d.keys, upsell.ID); err != nil || again != 0 {
		t.Errorf("a look after it came: %v, %v", again, err)
	}
	if n := d.count(t, `SELECT count(*) FROM conversions WHERE event_type = 'upsell'`); n != 1 {
		t.Errorf("%d conversions, want 1", n)
	}
	if n := d.count(t, `SELECT count(*) FROM deferred`); n != 0 {
		t.Error("it still waits")
	}
}
