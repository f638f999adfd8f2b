package db_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// statements keeps what was sent to Postgres.
type statements struct {
	mu  sync.Mutex
	sql []string
}

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sql = append(s.sql, q.SQL)
	return ctx
}

func (*statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (s *statements) TraceBatchStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceBatchStartData) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range d.Batch.QueuedQueries {
		s.sql = append(s.sql, strings.TrimSpace(q.SQL))
	}
	return ctx
}

func (*statements) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (*statements) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

// during gives what fn sent.
func (s *statements) during(t *testing.T, fn func() error) []string {
	t.Helper()
	s.mu.Lock()
	s.sql = nil
	s.mu.Unlock()
	if err := fn(); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sql
}

// crowd fills a market with so many rows, of a hundred partners and over two
// days, that the planner has a reason to choose well.
func (m *market) crowd() {
	m.t.Helper()
	ctx := context.Background()
	conn, err := m.store.Pool().Acquire(ctx) // one, for the temporary table
	if err != nil {
		m.t.Fatal(err)
	}
	defer conn.Release()
	affiliates, advertisers := m.affiliates[:1], m.advertisers[:1]
	for range 99 {
		affiliates, advertisers = append(affiliates, keyAt(day)), append(advertisers, keyAt(day))
	}
	_, err = conn.Exec(ctx, `
		CREATE TEMPORARY TABLE seeds AS
		SELECT
			i,
			uuid_v7($1::timestamptz + i * interval '20 s') AS id,
			$1::timestamptz + i * interval '20 s' AS at,
			($2::uuid[])[1 + i % 100] AS affiliate,
			($3::uuid[])[1 + i % 100] AS advertiser
		FROM generate_series(0, 8000) AS i`, day.AddDate(0, 0, -1), affiliates, advertisers)
	for _, sql := range []string{
		`INSERT INTO clicks (id, at, link_id, offer_id, affiliate_id, advertiser_id, terms_id, user_agent_id, referrer_id, outcome, flags, bot, device)
			SELECT id, at, id, advertiser, affiliate, advertiser, id, 0, 0, 0, 0, false, 'MOBILE' FROM seeds`,
		`INSERT INTO postbacks (id, received_at, method, url, remote_ip, parameters, advertiser_id, affiliate_id, click_id, txid, result, reason,
				message, checks, response_status, response_body, duration)
			SELECT id, at, 'GET', '', '', '[]', advertiser, affiliate, id, i::text, 'accepted', 'ACCEPTED', '', '[]', 200, '', '1 ms' FROM seeds`,
		`INSERT INTO conversions (id, advertiser_id, offer_id, goal_id, affiliate_id, click_id, terms_id, postback_id, event_type, txid,
				status, began, event_at, received_at, click_at)
			SELECT id, advertiser, advertiser, advertiser, affiliate, id, id, id, 'sale', i::text, 'PENDING', 'PENDING', at, at, at FROM seeds`,
		`INSERT INTO transitions (id, conversion_id, advertiser_id, affiliate_id, to_status, at, by_kind, reason)
			SELECT id, id, advertiser, affiliate, 'PENDING', at, 'RULE', '' FROM seeds`,
		`INSERT INTO deliveries (id, conversion_id, transition_id, click_id, affiliate_id, destination_id, event, status, created_at)
			SELECT id, id, id, id, affiliate, affiliate, 'PENDING', 'DELIVERED', at FROM seeds`,
		`INSERT INTO attempts (delivery_id, affiliate_id, number, at, url, outcome, duration)
			SELECT id, affiliate, 1, at, '', 'DELIVERED', '1 ms' FROM seeds`,
		`INSERT INTO pixel_signals (id, at, click_id, parameters)
			SELECT id, at, id, '[]' FROM seeds`,
		`INSERT INTO advertisers (id, name, status, currency, time_zone, security_mode, postback_key, secret, created_at)
			SELECT advertiser, 'x', 'ACTIVE', 'EUR', 'UTC', 'NONE', i::text, '', at FROM seeds WHERE i < 100
			ON CONFLICT DO NOTHING`,
		`INSERT INTO affiliates (id, name, status, currency, created_at)
			SELECT affiliate, 'x', 'ACTIVE', 'EUR', at FROM seeds WHERE i < 100
			ON CONFLICT DO NOTHING`,
		`INSERT INTO destinations (id, affiliate_id, statuses, method, url_template, retry_on, secret, health_since, created_at)
			SELECT affiliate, affiliate, '{PENDING}', 'GET', '', '{}', '', at, at FROM seeds WHERE i < 100`,
		`ANALYZE`,
	} {
		if err == nil {
			_, err = conn.Exec(ctx, sql)
		}
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

// plan explains the queries among what was sent.
func (m *market) plan(sent []string) string {
	m.t.Helper()
	var plan strings.Builder
	for _, sql := range sent {
		if !strings.HasPrefix(sql, "SELECT") {
			continue
		}
		lines, err := m.explain(sql)
		if err != nil {
			m.t.Fatal(err)
		}
		plan.WriteString(sql + "\n" + strings.Join(lines, "\n") + "\n\n")
	}
	return plan.String()
}

// explain gives a statement's plan: with parameters, the one that is kept for all values.
func (m *market) explain(sql string) ([]string, error) {
	ctx := context.Background()
	parameters := 0
	for strings.Contains(sql, fmt.Sprintf("$%d", parameters+1)) {
		parameters++
	}
	var lines []string
	err := pgx.BeginFunc(ctx, m.store.Pool(), func(tx pgx.Tx) error {
		explain := "EXPLAIN " + sql
		if parameters > 0 {
			name := fmt.Sprintf("explained_%d", time.Now().UnixNano())
			explain = fmt.Sprintf("EXPLAIN EXECUTE %s(NULL%s)", name, strings.Repeat(", NULL", parameters-1))
			for _, sql := range []string{"SET LOCAL plan_cache_mode = force_generic_plan", fmt.Sprintf("PREPARE %s AS %s", name, sql)} {
				if _, err := tx.Exec(ctx, sql); err != nil {
					return err
				}
			}
		}
		rows, err := tx.Query(ctx, explain)
		if err != nil {
			return err
		}
		lines, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	return lines, err
}

func TestListsFindTheirRowsByIndex(t *testing.T) {
	t.Parallel()
	sent := &statements{}
	m := newMarket(t, func(c *db.Config) { c.Tracer = sent })
	m.crowd()
	page := proofback.Page{Limit: 20, After: &proofback.Cursor{At: day, ID: keyAt(day)}}
	clicks := func(a proofback.Actor, f proofback.ClickFilter) func(context.Context) error {
		return func(ctx context.Context) error { _, err := m.store.Clicks(ctx, a, f, page); return err }
	}
	byID := func(a proofback.Actor) func(context.Context) error {
		ids := []uuid.UUID{keyAt(day.Add(-time.Hour)), keyAt(day.Add(-2 * time.Hour))}
		return func(ctx context.Context) error { _, err := m.store.ClicksByID(ctx, a, ids); return err }
	}
	conversions := func(a proofback.Actor, f proofback.ConversionFilter, o proofback.ConversionOrder) func(context.Context) error {
		return func(ctx context.Context) error { _, err := m.store.Conversions(ctx, a, f, o, page); return err }
	}
	postbacks := func(a proofback.Actor, f proofback.PostbackFilter) func(context.Context) error {
		return func(ctx context.Context) error { _, err := m.store.Postbacks(ctx, a, f, page); return err }
	}
	deliveries := func(a proofback.Actor, f proofback.DeliveryFilter) func(context.Context) error {
		return func(ctx context.Context) error { _, err := m.store.Deliveries(ctx, a, f, page); return err }
	}
	deliveriesByID := func(a proofback.Actor, c string) func(context.Context) error {
		var id uuid.UUID
		if err := m.store.Pool().QueryRow(t.Context(), `SELECT id FROM deliveries WHERE `+c+` LIMIT 1`).Scan(&id); err != nil {
			t.Fatal(err)
		}
		return func(ctx context.Context) error {
			found, err := m.store.DeliveriesByID(ctx, a, []uuid.UUID{id})
			if len(found) != 1 {
				t.Errorf("%d deliveries", len(found))
			}
			return err
		}
	}
	byReceipt := proofback.ConversionOrder{By: proofback.ByReceivedAt}
	minute := proofback.TimeRange{From: day.Add(-time.Hour), To: day.Add(-59 * time.Minute)}
	today := proofback.TimeRange{From: day.Truncate(24 * time.Hour), To: day.Truncate(24*time.Hour).AddDate(0, 0, 1)}
	for _, tt := range []struct {
		name string
		read func(context.Context) error
		want string // part of the index's name; partitions name theirs by columns
		not  string
	}{
		{"clicks", clicks(m.staff, proofback.ClickFilter{}), "clicks_20260301_pkey", "Sort  (cost"},
		{"clicks of an affiliate", clicks(m.affiliate, proofback.ClickFilter{}), "clicks_20260301_affiliate_id_id_idx", "Sort  (cost"},
		{"clicks of a day", clicks(m.staff, proofback.ClickFilter{TimeRange: today}), "clicks_20260301_pkey", "clicks_20260228"},
		{"a click", clicks(m.staff, proofback.ClickFilter{ClickID: keyAt(day.Add(-time.Hour))}), "clicks_20260301_pkey", "clicks_20260228"},
		{"clicks by id", byID(m.affiliate), "Index Scan using clicks_20260301_", "clicks_20260228"},
		{"conversions", conversions(m.staff, proofback.ConversionFilter{}, proofback.ConversionOrder{}), "conversions_event_at", "Sort  (cost"},
		{"conversions, oldest first", conversions(m.staff, proofback.ConversionFilter{}, proofback.ConversionOrder{OldestFirst: true}), "conversions_event_at", "Sort  (cost"},
		{"conversions by receipt", conversions(m.staff, proofback.ConversionFilter{}, byReceipt), "conversions_received_at", "Seq Scan"},
		{"conversions by receipt, received at once", conversions(m.staff, proofback.ConversionFilter{}, byReceipt), "conversions_event_at", "Seq Scan"},
		{"conversions of a status by receipt", conversions(m.staff, proofback.ConversionFilter{Statuses: []proofback.Status{proofback.StatusPending}}, byReceipt), "conversions_received_at", "Seq Scan"},
		{"conversions received within a minute", conversions(m.staff, proofback.ConversionFilter{TimeRange: minute, Basis: proofback.BasisReceived}, proofback.ConversionOrder{}), "conversions_received_at", "Seq Scan"},
		{"conversions by the time of their clicks", conversions(m.staff, proofback.ConversionFilter{TimeRange: minute, Basis: proofback.BasisClick}, byReceipt), "conversions_click", "Seq Scan"},
		{"conversions of an affiliate", conversions(m.affiliate, proofback.ConversionFilter{}, proofback.ConversionOrder{}), "conversions_affiliate", "Sort  (cost"},
		{"conversions of an advertiser", conversions(m.advertiser, proofback.ConversionFilter{}, proofback.ConversionOrder{}), "conversions_advertiser", "Sort  (cost"},
		{"conversions of a click", conversions(m.staff, proofback.ConversionFilter{ClickID: keyAt(day)}, proofback.ConversionOrder{}), "conversions_click", "Seq Scan"},
		{"a transaction id", conversions(m.staff, proofback.ConversionFilter{TransactionID: "77"}, proofback.ConversionOrder{}), "conversions_txid", "Seq Scan on conversions"},
		{"an advertiser's transaction id", conversions(m.advertiser, proofback.ConversionFilter{TransactionID: "77"}, proofback.ConversionOrder{}), "conversions_txid", "Seq Scan on conversions"},
		{"postbacks", postbacks(m.staff, proofback.PostbackFilter{}), "postbacks_20260301_pkey", "Sort  (cost"},
		{"postbacks of a day", postbacks(m.staff, proofback.PostbackFilter{TimeRange: proofback.TimeRange{From: day, To: day.Add(time.Hour)}}), "postbacks_20260301_pkey", "postbacks_20260228"},
		{"postbacks about an affiliate's clicks", postbacks(m.affiliate, proofback.PostbackFilter{}), "postbacks_20260301_affiliate_id_id_idx", "Sort  (cost"},
		{"postbacks of an advertiser", postbacks(m.advertiser, proofback.PostbackFilter{}), "postbacks_20260301_advertiser_id_id_idx", "Sort  (cost"},
		{"postbacks about a click", postbacks(m.staff, proofback.PostbackFilter{ClickID: keyAt(day)}), "postbacks_20260301_click_id_id_idx", "Seq Scan on postbacks_20260301"},
		{"postbacks with a transaction id", postbacks(m.staff, proofback.PostbackFilter{TransactionID: "77"}), "postbacks_20260301_txid_id_idx", "Seq Scan on postbacks_20260301"},
		{"deliveries", deliveries(m.staff, proofback.DeliveryFilter{}), "deliveries_id", "Seq Scan on deliveries"},
		{"deliveries that failed", deliveries(m.staff, proofback.DeliveryFilter{Statuses: []proofback.DeliveryStatus{proofback.DeliveryFailed}}), "deliveries_id", "Seq Scan on deliveries"},
		{"deliveries of an affiliate", deliveries(m.affiliate, proofback.DeliveryFilter{}), "deliveries_id", "Seq Scan on deliveries"},
		{"deliveries of a destination", deliveries(m.staff, proofback.DeliveryFilter{DestinationID: m.affiliates[0]}), "deliveries_id", "Sort  (cost"},
		{"deliveries by id", deliveriesByID(m.staff, "true"), "deliveries_id", "Seq Scan on deliveries"},
		{"deliveries by id, of an affiliate", deliveriesByID(m.affiliate, "affiliate_id = '"+m.affiliates[0].String()+"'"), "deliveries_id", "Seq Scan on deliveries"},
	} {
		t.Run(tt.name, func(t *testing.T) { // one after the other: they share what is sent
			plan := m.plan(sent.during(t, func() error { return tt.read(t.Context()) }))
			if !strings.Contains(plan, tt.want) || strings.Contains(plan, tt.not) {
				t.Errorf("want %s, not %s:\n%s", tt.want, tt.not, plan)
			}
		})
	}
}

func TestStoriesAreFoundByIndex(t *testing.T) {
	t.Parallel()
	sent := &statements{}
	m := newMarket(t, func(c *db.Config) { c.Tracer = sent })
	m.crowd()
	var id [16]byte
	err := m.store.Pool().QueryRow(t.Context(), `SELECT id FROM conversions WHERE txid = '5000'`).Scan(&id)
	if err != nil {
		t.Fatal(err)
	}
	for name, by := range map[string]proofback.TraceBy{
		"click":          {ClickID: id},
		"transaction id": {TransactionID: "5000"},
		"conversion":     {ConversionID: id},
		"request":        {RequestID: id},
	} {
		t.Run(name, func(t *testing.T) { // one after the other: they share what is sent
			plan := m.plan(sent.during(t, func() error {
				s, err := m.store.Trace(t.Context(), m.staff, by)
				if err == nil && len(s.Attempts) != 1 {
					t.Error("the story is not whole")
				}
				return err
			}))
			for _, table := range []string{"clicks_20260301", "postbacks_20260301", "conversions", "transitions", "deliveries", "attempts", "pixel_signals"} {
				if strings.Contains(plan, "Seq Scan on "+table) {
					t.Errorf("%s is read whole:\n%s", table, plan)
				}
			}
		})
	}
}
