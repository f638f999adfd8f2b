package jobs

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/proofback/proofback/db"
)

// listen gives a connection that hears of new jobs.
func listen(t *testing.T, f *fixture) *pgxpool.Conn {
	t.Helper()
	conn, err := f.store.Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Release)
	if _, err := conn.Exec(t.Context(), `LISTEN "public.river_insert"`); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestAJobThatRiverToldNobodyOfIsRemindedOf(t *testing.T) {
	t.Parallel()
	f := setup(t)
	conn := listen(t, f)
	failed := errors.New("the change failed") // and took River's notification back
	err := pgx.BeginFunc(t.Context(), f.store.Pool(), func(tx pgx.Tx) error {
		if err := f.inserting.EnqueueDeliveries(t.Context(), tx, []db.DeliveryKey{{ID: newID(t), DestinationID: newID(t)}}); err != nil {
			t.Error(err)
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	n, err := conn.Conn().WaitForNotification(t.Context())
	if err != nil || n.Payload != `{"queue": "fanout"}` {
		t.Fatalf("%+v, %v", n, err)
	}
}

func TestAQueueHasOneReminderUnderWay(t *testing.T) {
	t.Parallel()
	f := setup(t)
	conn := listen(t, f)
	r := newReminder(f.store.Pool())
	for range 100 {
		r.of("a")
	}
	r.of("b")
	told := map[string]int{}
	for range 2 {
		n, err := conn.Conn().WaitForNotification(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		told[n.Payload]++
	}
	if told[`{"queue": "a"}`] != 1 || told[`{"queue": "b"}`] != 1 {
		t.Errorf("told: %v", told)
	}
	r.close()
	r.of("a")
	ctx, cancel := context.WithTimeout(t.Context(), 4*remindAfter)
	defer cancel()
	if n, err := conn.Conn().WaitForNotification(ctx); err == nil {
		t.Errorf("reminded after the end: %+v", n)
	}
}
