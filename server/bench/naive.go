package bench

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/proofback/proofback"
)

// naive takes postbacks as one would first write it: a transaction for each, with
// a statement for each thing that is looked up or stored. It decides nothing and
// checks little, and stores what ours tell, in full.
type naive struct {
	db   *bun.DB
	keys *proofback.ClickKeys
}

func newNaive(pool *pgxpool.Pool, secret []byte) (http.Handler, error) {
	keys, err := proofback.NewClickKeys(1, proofback.ClickKey{Version: 1, Secret: secret})
	if err != nil {
		return nil, err
	}
	db := bun.NewDB(stdlib.OpenDBFromPool(pool), pgdialect.New())
	return &naive{db, keys}, nil
}

func random(b []byte) { _, _ = rand.Read(b) }

func (h *naive) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	id, state := h.keys.Parse(q.Get("click_id"))
	if state != proofback.ClickIDWhole {
		http.Error(w, "click_id", http.StatusBadRequest)
		return
	}
	event := naiveEvent{
		click: id, txid: q.Get("txid"), amount: q.Get("amount"), currency: q.Get("currency"), url: r.URL.RequestURI(), now: time.Now().UTC(),
		conversion: uuid.Must(uuid.NewV7()), request: uuid.Must(uuid.NewV7()),
	}
	answer, err := json.Marshal(map[string]string{
		"request_id": event.request.String(), "result": "accepted", "reason": "ACCEPTED",
		"message": `stored as a new pending conversion of goal "sale"`, "conversion_id": event.conversion.String(), "status": "pending",
	})
	if err == nil {
		event.answer = string(answer)
		err = h.db.RunInTx(r.Context(), nil, event.store)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(answer)
}

type naiveEvent struct {
	click, conversion, request             uuid.UUID
	txid, amount, currency, url, answer    string
	now, clicked                           time.Time
	advertiser, affiliate, offer, termsRow uuid.UUID
}

var errKnown = errors.New("the event is known")

// naiveChecks are as long as those of a decision.
const naiveChecks = `[{"name":"security","passed":true,"detail":"the advertiser asks for no proof but an allowed address"},{"name":"request","passed":true,"detail":"every parameter could be read, none is a macro that was not filled in"},{"name":"click_id","passed":true,"detail":"it is whole and ours"},{"name":"values","passed":true,"detail":"amounts, currency, status and timestamp are in order"},{"name":"click","passed":true,"detail":"made at 2026-11-01T10:00:00Z"},{"name":"event","passed":true,"detail":"goal \"sale\""},{"name":"same_event","passed":true,"detail":"the event is new"},{"name":"price","passed":true,"detail":"payout and revenue follow from the terms of version 1"},{"name":"offer","passed":true,"detail":"the click was sent to the offer"},{"name":"window","passed":true,"detail":"20m0s after the click, within 1440h0m0s"}]`

func (e *naiveEvent) store(ctx context.Context, tx bun.Tx) error {
	row := tx.QueryRowContext(ctx, `SELECT at, advertiser_id, affiliate_id, offer_id, terms_id FROM clicks WHERE id = ?`, e.click)
	if err := row.Scan(&e.clicked, &e.advertiser, &e.affiliate, &e.offer, &e.termsRow); err != nil {
		return err
	}
	var known int
	row = tx.QueryRowContext(ctx, `SELECT count(*) FROM conversions WHERE advertiser_id = ? AND txid = ?`, e.advertiser, e.txid)
	if err := row.Scan(&known); err != nil {
		return err
	}
	if known > 0 {
		return errKnown
	}
	transition := uuid.Must(uuid.NewV7())
	parameters := `[{"name":"click_id","value":"` + e.click.String() + `","canonical":"click_id"},{"name":"event_type","value":"sale","canonical":"event_type"},` +
		`{"name":"txid","value":"` + e.txid + `","canonical":"txid"},{"name":"amount","value":"` + e.amount + `","canonical":"amount"},{"name":"currency","value":"` + e.currency + `","canonical":"currency"}]`
	for _, s := range []struct {
		query string
		args  []any
	}{
		{
			`INSERT INTO conversions (id, advertiser_id, offer_id, goal_id, affiliate_id, click_id, terms_id, postback_id, event_type, txid, status, began, event_at,
				received_at, click_at, amount, amount_currency, payout, payout_currency, revenue, revenue_currency, normal_payout, normal_revenue, normal_currency, rate_date, rate_source)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'sale', ?, 'PENDING', 'PENDING', ?, ?, ?, ?, ?, 3.19, ?, 3.99, ?, 3.19, 3.99, 'EUR', current_date, 'SAME')`,
			[]any{e.conversion, e.advertiser, e.offer, e.offer, e.affiliate, e.click, e.termsRow, e.request, e.txid, e.now, e.now, e.clicked, e.amount, e.currency, e.currency, e.currency},
		},
		{
			`INSERT INTO transitions (id, conversion_id, advertiser_id, affiliate_id, to_status, at, by_kind, reason, postback_id)
			VALUES (?, ?, ?, ?, 'PENDING', ?, 'RULE', 'the goal is approved by hand', ?)`,
			[]any{transition, e.conversion, e.advertiser, e.affiliate, e.now, e.request},
		},
		{
			`INSERT INTO ledger (id, kind, at, canonical) VALUES (?, 'CONVERSION', ?, ?)`,
			[]any{e.conversion, e.now, []byte(parameters)},
		},
		{
			`INSERT INTO deliveries (id, conversion_id, transition_id, click_id, affiliate_id, destination_id, event, status, created_at, next_attempt_at)
			SELECT ?, ?, ?, ?, ?, id, 'PENDING', 'PENDING', ?, ? FROM destinations WHERE affiliate_id = ? AND enabled`,
			[]any{uuid.Must(uuid.NewV7()), e.conversion, transition, e.click, e.affiliate, e.now, e.now, e.affiliate},
		},
		{
			`INSERT INTO postbacks (id, received_at, method, url, remote_ip, parameters, advertiser_id, offer_id, affiliate_id, click_id, txid, event_type,
				result, reason, message, checks, response_status, response_body, duration, conversion_id)
			VALUES (?, ?, 'GET', ?, '127.0.0.1', ?, ?, ?, ?, ?, ?, 'sale', 'accepted', 'ACCEPTED', 'stored as a new pending conversion of goal "sale"', ?, 200, ?, interval '1 ms', ?)`,
			[]any{e.request, e.now, e.url, parameters, e.advertiser, e.offer, e.affiliate, e.click, e.txid, naiveChecks, e.answer, e.conversion},
		},
	} {
		if _, err := tx.ExecContext(ctx, s.query, s.args...); err != nil {
			return err
		}
	}
	return nil
}
