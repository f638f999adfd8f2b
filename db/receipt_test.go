package db_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// Where every sale comes with the time of its event, hardly any is received at once: a page
// by receipt may not look for one through all events that there were.
func TestAPageByReceiptReadsLittleWhoeverTellsTheTime(t *testing.T) {
	t.Parallel()
	for name, received := range map[string]string{
		"all at once":     "event_at",
		"all a day later": "event_at + interval '1 day'",
		"each third":      "event_at + (extract(epoch FROM event_at)::bigint / 20 % 3 / 2) * interval '1 minute'",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent := &statements{}
			m := newMarket(t, func(c *db.Config) { c.Tracer = sent })
			m.crowd()
			if _, err := m.store.Pool().Exec(t.Context(), `UPDATE conversions SET received_at = `+received); err != nil {
				t.Fatal(err)
			}
			if _, err := m.store.Pool().Exec(t.Context(), `VACUUM ANALYZE conversions`); err != nil {
				t.Fatal(err)
			}
			for oldestFirst, after := range map[bool]*proofback.Cursor{false: nil, true: {At: day, ID: keyAt(day)}} {
				order := proofback.ConversionOrder{By: proofback.ByReceivedAt, OldestFirst: oldestFirst}
				asked := sent.during(t, func() error {
					w, err := m.store.Conversions(t.Context(), m.staff, proofback.ConversionFilter{}, order, proofback.Page{Limit: 50, After: after})
					if err == nil && len(w.Items) != 50 {
						err = fmt.Errorf("%d conversions", len(w.Items))
					}
					return err
				})
				const most = 400 // for twice fifty-one rows, and who was looked for beside them
				if n := m.rowsRead(asked, after); n == 0 || n > most {
					t.Errorf("oldest first %t: %d conversions were read of 8001", oldestFirst, n)
				}
			}
		})
	}
}

// rowsRead runs the queries among what was sent, and gives how many conversions they read.
func (m *market) rowsRead(sent []string, after *proofback.Cursor) (n int) {
	m.t.Helper()
	for _, sql := range sent {
		if !strings.HasPrefix(sql, "SELECT") {
			continue
		}
		var args []any
		if after != nil {
			args = []any{after.At, after.ID}
		}
		rows, err := m.store.Pool().Query(context.Background(), "EXPLAIN (ANALYZE, COSTS off, TIMING off) "+sql, args...)
		if err != nil {
			m.t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			m.t.Fatal(err)
		}
		scan := false
		for _, l := range lines {
			var some int
			switch {
			case strings.Contains(l, " on conversions"):
				scan = true
				_, _ = fmt.Sscanf(l[strings.Index(l, "(actual rows="):], "(actual rows=%d", &some)
			case scan && strings.Contains(l, "Rows Removed by Filter"):
				_, _ = fmt.Sscanf(strings.TrimSpace(l), "Rows Removed by Filter: %d", &some)
			}
			n += some
		}
	}
	return n
}
