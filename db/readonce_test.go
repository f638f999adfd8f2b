package db_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// oneConnection makes whatever a connection is left in felt by who comes next.
func oneConnection(c *db.Config) { c.MaxConns = 1 }

func TestReadingOnceIsBoundToThePartner(t *testing.T) {
	t.Parallel()
	m := newMarket(t, oneConnection)
	for i, name := range []string{"a", "b", "c"} {
		m.conversion(m.click(i%2, day), name, day)
	}
	// Without a condition: whose rows these are is Postgres's to say.
	read := func(a proofback.Actor) (found string) {
		err := m.store.ReadOnce(t.Context(), a, `SELECT string_agg(txid, ' ' ORDER BY txid), current_user <> session_user FROM conversions`, func(rows pgx.Rows) error {
			for rows.Next() {
				var bound bool
				if err := rows.Scan(&found, &bound); err != nil {
					return err
				}
				if bound == a.IsStaff() {
					t.Errorf("%s is bound: %t", a.Role, bound)
				}
			}
			return rows.Err()
		})
		if err != nil {
			t.Error(err)
		}
		return found
	}
	for range 2 { // the second time with a plan that another role may have had
		got := []string{read(m.staff), read(m.affiliate), read(m.staff)}
		if diff := cmp.Diff([]string{"a b c", "a c", "a b c"}, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestAConnectionIsAsItWasAfterReadingFailed(t *testing.T) {
	t.Parallel()
	m := newMarket(t, oneConnection)
	none := func(pgx.Rows) error { return nil }
	for range 2 {
		if err := m.store.ReadOnce(t.Context(), m.affiliate, `SELECT 1 / count(*) FROM conversions WHERE txid = 'none'`, none); err == nil {
			t.Error("nothing was divided by")
		}
		var user bool
		if err := m.store.Pool().QueryRow(t.Context(), `SELECT current_user = session_user`).Scan(&user); err != nil || !user {
			t.Error(user, err)
		}
	}
	if err := m.store.ReadOnce(t.Context(), m.staff, `DELETE FROM conversions`, none); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("something was written: %v", err)
	}
}

func TestAConnectionKeepsSomeStatementsAlone(t *testing.T) {
	t.Parallel()
	m := newMarket(t, oneConnection)
	for i := range 2 * db.MaxPrepared {
		err := m.store.ReadOnce(t.Context(), m.staff, fmt.Sprintf(`SELECT %d`, i), func(rows pgx.Rows) error {
			for rows.Next() {
				var got int
				if err := rows.Scan(&got); err != nil || got != i {
					t.Error(got, err)
				}
			}
			return rows.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var kept int
	if err := m.store.Pool().QueryRow(t.Context(), `SELECT count(*) FROM pg_prepared_statements`).Scan(&kept); err != nil || kept != db.MaxPrepared {
		t.Error(kept, err)
	}
}
