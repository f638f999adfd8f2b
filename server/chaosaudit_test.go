package main_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// verdict is what the auditor found.
type verdict struct {
	took time.Duration

	missing, twice int // promised clicks that are not stored, and clicks that are more than once
	unpromised     int // stored, though whoever made them heard nothing of it

	missingSales, twiceSales int
	missingLog               int // answers to postbacks that are not in the log
}

const tableHead = "| what is taken away | took | clicks sent | promised | refused | no answer | longest silence | **missing** | **twice** | stored unpromised " +
	"| sales | answers 2xx | of them 202 | 503 | **missing** | **twice** | **not in the log** |\n" +
	"| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"

func (l *promises) row(name string) string {
	v := &l.audited
	return fmt.Sprintf("| %s | %.0f s | %d | %d | %d | %d | %.1f s | %d | %d | %d | %d | %d | %d | %d | %d | %d | %d |\n",
		name, v.took.Seconds(), l.sent, len(l.clicks), l.refused, l.broken, l.silence.Seconds(), v.missing, v.twice, v.unpromised,
		len(l.sales), l.told, l.deferred, l.refusedSales, v.missingSales, v.twiceSales, v.missingLog)
}

// audit waits until nothing is on its way any more, and compares every promise with
// what is stored. lost is how many clicks the test itself has destroyed.
func (l *promises) audit(databaseURL string, lost int) {
	l.t.Helper()
	l.settle()
	l.audited.took = time.Since(l.began)
	eventually(l.t, "every postback is decided", func() bool {
		return queryInt(l.t, databaseURL, `SELECT count(*) FROM deferred`) == 0
	})
	conn, err := pgx.Connect(l.t.Context(), databaseURL)
	if err != nil {
		l.t.Fatal(err)
	}
	defer conn.Close(l.t.Context())
	if err := cmp.Or(l.auditClicks(conn), l.auditSales(conn)); err != nil {
		l.t.Fatal(err)
	}
	v := &l.audited
	if len(l.clicks) == 0 || len(l.sales) == 0 {
		l.t.Error("nothing was promised: the test shows nothing")
	}
	if v.missing != lost || v.twice > 0 || v.unpromised > l.broken {
		l.t.Errorf("of %d promised clicks %d are missing (%d were destroyed on purpose), %d are stored twice; %d more are stored, of %d that got no answer",
			len(l.clicks), v.missing, lost, v.twice, v.unpromised, l.broken)
	}
	if v.missingSales > lost || v.twiceSales > 0 || v.missingLog > 0 {
		l.t.Errorf("of %d promised sales %d are missing, %d there twice, and %d answers are not in the log",
			len(l.sales), v.missingSales, v.twiceSales, v.missingLog)
	}
}

// auditClicks compares the clicks that were promised with those that are stored.
func (l *promises) auditClicks(conn *pgx.Conn) error {
	rows, err := conn.Query(l.t.Context(), `SELECT id FROM clicks WHERE sub1 = ANY ($1)`, l.marks)
	if err != nil {
		return err
	}
	stored := map[uuid.UUID]int{}
	var id uuid.UUID
	if _, err := pgx.ForEachRow(rows, []any{&id}, func() error { stored[id]++; return nil }); err != nil {
		return err
	}
	v := &l.audited
	for _, n := range stored {
		v.twice += n - 1
	}
	promised := map[uuid.UUID]bool{}
	for _, id := range l.clicks {
		if promised[id] {
			l.t.Errorf("click id %s was given to two visitors", id)
		}
		promised[id] = true
		if stored[id] == 0 {
			v.missing++
		}
	}
	v.unpromised = len(stored) - (len(promised) - v.missing)
	return nil
}

// auditSales compares the answers to postbacks with the log and with the
// conversions, each of which began once, and is in the ledger once.
func (l *promises) auditSales(conn *pgx.Conn) error {
	type conversion struct {
		ID                          uuid.UUID
		TxID                        string
		Conversions, Moves, Entries int
	}
	v := &l.audited
	rows, err := conn.Query(l.t.Context(), `
		SELECT id, txid, count(*) OVER (PARTITION BY txid),
		       (SELECT count(*) FROM transitions AS t WHERE t.conversion_id = c.id),
		       (SELECT count(*) FROM ledger AS e WHERE e.id = c.id)
		FROM conversions AS c
		WHERE txid = ANY ($1)`, slices.Collect(maps.Keys(l.sales)))
	if err != nil {
		return err
	}
	made, err := pgx.CollectRows(rows, pgx.RowToStructByPos[conversion])
	if err != nil {
		return err
	}
	stored := map[string]uuid.UUID{}
	for _, c := range made {
		stored[c.TxID] = c.ID
		if c.Conversions != 1 || c.Moves != 1 || c.Entries != 1 {
			v.twiceSales++
		}
	}
	v.missingSales = len(l.sales) - len(stored)
	for txid := range l.sales {
		if stored[txid] == uuid.Nil {
			l.story(conn, txid)
		}
	}

	var requests []uuid.UUID
	for txid, s := range l.sales {
		for _, p := range s.promised {
			requests = append(requests, rawID(l.t, p.RequestID))
			if p.ConversionID != "" && rawID(l.t, p.ConversionID) != stored[txid] {
				l.t.Errorf("sale %s was told to be conversion %s, and that is not its own", txid, p.ConversionID)
			}
		}
	}
	var logged int
	err = conn.QueryRow(l.t.Context(), `SELECT count(*) FROM postbacks WHERE id = ANY ($1)`, requests).Scan(&logged)
	v.missingLog = len(requests) - logged
	return err
}

// story shows what became of a sale that is missing.
func (l *promises) story(conn *pgx.Conn, txid string) {
	rows, err := conn.Query(l.t.Context(), `
		SELECT concat_ws(' ', received_at, method, result, reason, message)
		FROM postbacks
		WHERE txid = $1
		ORDER BY id`, txid)
	if err != nil {
		l.t.Error(err)
		return
	}
	told, err := pgx.CollectRows(rows, pgx.RowTo[string])
	l.t.Logf("sale %s was promised %+v, and the log has\n%s (%v)", txid, l.sales[txid].promised, strings.Join(told, "\n"), err)
}
