package db_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// asked are the postbacks that looks were asked for.
type asked struct {
	nobody
	looks chan uuid.UUID
}

func (a asked) EnqueueLooks(_ context.Context, _ pgx.Tx, postbacks []uuid.UUID) error {
	for _, id := range postbacks {
		a.looks <- id
	}
	return nil
}

// A postback is deferred, and looked at in vain, while the transaction that stores
// its click is being committed: neither sees the other, so the commit must be
// followed by another look.
func TestAPostbackThatComesWhileItsClickIsDrainedIsLookedAtAfterwards(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	d := newDesk(t, func(c *db.Config) { c.URL = url })
	d.store.SetEnqueuer(nobody{})
	click := d.spooledClick(t)
	d.exec(t, `
		CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			PERFORM pg_advisory_xact_lock(1);
			RETURN NULL;
		END $$`)
	d.exec(t, `
		CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON clicks
		DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW EXECUTE FUNCTION hold()`)
	holder, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := holder.Exec(t.Context(), `SELECT pg_advisory_lock(1)`); err != nil {
		t.Fatal(err)
	}

	proxy := dbtest.NewProxy(t, url)
	n := newNode(t, proxy.URL(), t.TempDir())
	a := asked{looks: make(chan uuid.UUID, 10)}
	n.store.SetEnqueuer(a)
	proxy.Cut()
	if err := n.writer.Write(t.Context(), &click); err != nil {
		t.Fatal(err)
	}
	proxy.Mend()
	eventually(t, 30*time.Second, "the click is being committed", func() bool {
		return d.count(t, `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`) > 0
	})
	p := d.decide(t, sale(d.keys.Encode(click.ID), "1", "100"))[0]
	if p.Reason != proofback.ReasonClickNotYetStored {
		t.Fatalf("%s", p.Reason)
	}
	if reason, _ := d.look(t, p.ID); reason != "CLICK_NOT_YET_STORED" {
		t.Fatalf("the look in vain: %s", reason)
	}
	if err := holder.Close(t.Context()); err != nil { // and its lock is gone
		t.Fatal(err)
	}
	select {
	case id := <-a.looks:
		if id != p.ID {
			t.Errorf("%s is looked at, not %s", id, p.ID)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("nobody looks at it again")
	}
	if reason, _ := d.look(t, p.ID); reason != "ACCEPTED" {
		t.Errorf("the look afterwards: %s", reason)
	}
}
