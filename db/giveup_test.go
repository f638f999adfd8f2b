package db_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// locked holds a lock on a table until the function that it gives is called.
func locked(t *testing.T, url, table string) (release func()) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	if _, err := conn.Exec(t.Context(), `BEGIN; LOCK TABLE `+table); err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := conn.Exec(t.Context(), `ROLLBACK`); err != nil {
			t.Fatal(err)
		}
	}
}

// locksWaitedFor is how many wait for a lock.
const locksWaitedFor = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`

// Whoever was told that nothing was stored sends it again. What Postgres was sent must
// not be stored once it gets round to it.
func TestWhatIsGivenUpIsNotStoredLater(t *testing.T) {
	t.Parallel()
	for name, txids := range map[string][]string{"alone": {"1"}, "together": {"1", "2"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := dbtest.URL(t)
			d := newDesk(t, func(c *db.Config) { c.URL = url })
			d.store.SetEnqueuer(nobody{})
			click := d.click(t)
			d.decide(t, sale(click, "before", "10")) // its statements are prepared
			batch := make([]*db.Incoming, len(txids))
			for i, txid := range txids {
				batch[i] = d.incoming(sale(click, txid, "10"))
			}
			release := locked(t, url, "postbacks")
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			_, err := d.store.Decide(ctx, d.setup, batch)
			if proofback.CodeOf(err) != proofback.CodeUnavailable {
				t.Errorf("got %v", err)
			}
			eventually(t, 10*time.Second, "nobody waits for the lock any more", func() bool { return d.count(t, locksWaitedFor) == 0 })
			release()
			if n := d.count(t, `SELECT count(*) FROM conversions`); n != 1 {
				t.Errorf("%d conversions", n)
			}
		})
	}
}

// Each try that is given up would else keep one of the server's connections, until there
// are none left for anybody.
func TestClicksThatAreGivenUpKeepNoConnection(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	n := newNode(t, url, t.TempDir(), func(c *db.ClickWriterConfig) { c.Timeout = 200 * time.Millisecond })
	d := desk{network: &network{store: n.store}}
	stored, _ := crowd(t, n.writer, 1, 1)
	release := locked(t, url, "clicks")
	more, refused := crowd(t, n.writer, 2, 2)
	if refused > 0 {
		t.Errorf("%d were refused", refused)
	}
	eventually(t, 10*time.Second, "no COPY waits for the lock any more", func() bool {
		return d.count(t, locksWaitedFor+` AND query LIKE 'COPY clicks %'`) == 0 // what is drained may
	})
	release()
	n.wantDrained(t)
	for id, c := range more {
		stored[id] = c
	}
	wantStored(t, n.store, stored)
}

// Whoever's connection the server ends has not asked anything wrong, whatever the reason.
func TestConnectionsThatTheServerEndsAreNoFaultOfOurs(t *testing.T) {
	t.Parallel()
	s := dbtest.Open(t)
	err := db.InLateTx(t.Context(), s, func(tx pgx.Tx) error {
		if _, err := tx.Conn().Exec(t.Context(), `SET LOCAL idle_in_transaction_session_timeout = '10ms'`); err != nil {
			return err
		}
		eventually(t, 10*time.Second, "the server has ended the connection", func() (ended bool) {
			err := s.Pool().QueryRow(t.Context(), `SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)`, int32(tx.Conn().PgConn().PID())).Scan(&ended)
			return err == nil && ended
		})
		return nil
	})
	if proofback.CodeOf(db.DomainError(err)) != proofback.CodeUnavailable {
		t.Errorf("got %v", err)
	}
}
