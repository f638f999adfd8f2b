package db_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// logInFull reads requests as whoever asks the database by hand.
func (d *desk) logInFull(t *testing.T) map[uuid.UUID]*proofback.Postback {
	t.Helper()
	rows, err := d.store.Pool().Query(t.Context(), `SELECT id, parameters, checks, response_body FROM postback_log`)
	if err != nil {
		t.Fatal(err)
	}
	full := map[uuid.UUID]*proofback.Postback{}
	var p proofback.Postback
	_, err = pgx.ForEachRow(rows, []any{&p.ID, &p.Parameters, &p.Checks, &p.ResponseBody}, func() error {
		full[p.ID] = &proofback.Postback{Parameters: p.Parameters, Checks: p.Checks, ResponseBody: p.ResponseBody}
		p = proofback.Postback{}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return full
}

func (d *desk) showsTheLogInFull(t *testing.T) {
	t.Helper()
	full := d.logInFull(t)
	log, err := d.store.PostbacksByID(t.Context(), proofback.System(), slices.Collect(maps.Keys(full)))
	if err != nil {
		t.Fatal(err)
	}
	for id, p := range log {
		want := &proofback.Postback{Parameters: p.Parameters, Checks: p.Checks, ResponseBody: p.ResponseBody}
		if diff := cmp.Diff(want, full[id], cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("request %s (-by the program +by hand):\n%s", id, diff)
		}
	}
}

func TestTheLogIsReadByHandAsByTheProgram(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	click := d.click(t)
	log := d.decide(t,
		sale(click, "1", "10"),
		sale(click, "1", "10"),
		sale(click, "1", "11"),
		sale(click, "1", "10")+"&status=approved",
		sale(click, "2", "10%2E5")+"&transaction_id=2&Event=sale&odd=%22%5C%0A%3C%C3%BC&x&=&&card=4111111111111111",
		"nothing",
		"click_id="+click+"&event_type=%22&txid=3")
	// One as an older version wrote it, and one of which an answer was told that is not made today.
	parameters, _ := json.Marshal(log[0].Parameters)
	checks, _ := json.Marshal(log[0].Checks)
	d.exec(t, `UPDATE postbacks SET parameters = $2, checks = $3, response_body = $4 WHERE id = $1`, log[0].ID, string(parameters), string(checks), log[0].ResponseBody)
	d.exec(t, `UPDATE postbacks SET response_body = '{"result":"accepted"}' WHERE id = $1`, log[1].ID)
	if full := d.logInFull(t); len(full) != len(log) || len(full[log[4].ID].Parameters) < 10 || full[log[0].ID].ResponseBody != log[0].ResponseBody {
		t.Fatalf("%d requests by hand", len(full))
	}
	d.showsTheLogInFull(t)
}

// What the program knows by its numbers is what the database has by them.
func TestTheDatabaseHasThePhrasesOfTheLog(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	p := d.decide(t, "nothing")[0]
	var checks string
	err := d.store.Pool().QueryRow(t.Context(), `
		SELECT json_agg(jsonb_build_array(number) || places ORDER BY number)
		FROM (
			SELECT number, to_jsonb(array_fill('ü%s'::text, ARRAY[array_length(string_to_array(sentence, '%s'), 1) - 1])) AS places
			FROM check_phrases) AS p`).Scan(&checks)
	if err != nil {
		t.Fatal(err)
	}
	d.exec(t, `UPDATE postbacks SET checks = $2 WHERE id = $1`, p.ID, checks)
	d.showsTheLogInFull(t)
	next := fmt.Sprintf(`[%d]`, 1+d.count(t, `SELECT count(*) FROM check_phrases`))
	if err := p.ReadKept(`[]`, next, ""); err != nil || p.Checks[0].Name != "unknown" {
		t.Errorf("the program has a phrase that the database has not: %+v, %v", p.Checks, err)
	}
}
