package db_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// reportStatements remembers how reports were asked for.
type reportStatements []pgx.TraceQueryStartData

func (s *reportStatements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	if strings.HasPrefix(q.SQL, "WITH lines") {
		*s = append(*s, q)
	}
	return ctx
}

func (*reportStatements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// planNode is what EXPLAIN tells of a step.
type planNode struct {
	Type     string     `json:"Node Type"`
	Relation string     `json:"Relation Name"`
	Index    string     `json:"Index Name"`
	Plans    []planNode `json:"Plans"`
}

// reads gathers the tables that are read, those that are read from end to end, and
// the indexes that are used.
func (n *planNode) reads(tables, whole, indexes map[string]bool) {
	if n.Relation != "" {
		tables[n.Relation] = true
		if n.Type == "Seq Scan" {
			whole[n.Relation] = true
		}
	}
	if n.Index != "" {
		indexes[n.Index] = true
	}
	for i := range n.Plans {
		n.Plans[i].reads(tables, whole, indexes)
	}
}

// fillForPlans makes a network with half a year of counts, and clicks of its last
// days, of which the last is not rolled up.
func fillForPlans(t *testing.T, m *market) {
	t.Helper()
	day := day.Truncate(24 * time.Hour)
	m.exec(`SELECT make_partitions($1::timestamptz::date - 9, $1::timestamptz::date)`, day)
	m.exec(`INSERT INTO rollup_state VALUES (true, $1::timestamptz - interval '180 days', $1, $1)`, day)
	m.exec(`CREATE TABLE people AS
		SELECT n, ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid AS id
		FROM generate_series(1, 100) AS n`)
	m.exec(`UPDATE people SET id = $1 WHERE n = 1`, m.affiliates[0])
	m.exec(`INSERT INTO rollup_offers
		SELECT $1::timestamptz::date - d, o.id, $2, 7, 0, '{3}', '{7}', '{0}'
		FROM generate_series(1, 180) AS d CROSS JOIN people AS o`, day, m.advertisers[0])
	m.exec(`INSERT INTO rollup_pairs
		SELECT $1::timestamptz::date - d, a.id, o.id, $2, 7, 0, '{3}', '{7}', '{0}'
		FROM generate_series(1, 180) AS d CROSS JOIN people AS a JOIN people AS o ON o.n % 10 = a.n % 10`, day, m.advertisers[0])
	m.exec(`INSERT INTO rollup_advertisers
		SELECT day, advertiser_id, sum(clicks), 0, '{3}', ARRAY[sum(clicks)], '{0}'
		FROM rollup_offers
		GROUP BY day, advertiser_id`)
	m.exec(`INSERT INTO rollup_values
		SELECT $1::timestamptz::date - d, dimension, a.id, o.id, $2, '{a,b,c,d,e}', '{7,7,7,7,7}', '{0,0,0,0,0}'
		FROM generate_series(1, 180) AS d CROSS JOIN people AS a JOIN people AS o ON o.n % 20 = a.n % 20 CROSS JOIN unnest('{device,country,sub1}'::text[]) AS dimension`, day, m.advertisers[0])
	m.exec(`INSERT INTO rollup_offer_conversions
		SELECT $1::timestamptz::date - d, o.id, $2, o.id, 'sale', 1, 0, 0, 0, 100, 0, '{3}', '{1}', '{0}', '{0}', '{0}', '{100}', '{0}'
		FROM generate_series(1, 180) AS d CROSS JOIN people AS o`, day, m.advertisers[0])
	m.exec(`INSERT INTO clicks (id, at, link_id, offer_id, affiliate_id, advertiser_id, terms_id, user_agent_id, referrer_id, outcome, flags, bot, device)
		SELECT (substr(uuid_floor(at)::text, 1, 14) || substr(gen_random_uuid()::text, 15))::uuid, at, people.id, people.id, people.id, $2, people.id, 0, 0, 0, 0, false, 'MOBILE'
		FROM (SELECT n, $1::timestamptz - interval '8 days' + n * interval '72 seconds' AS at FROM generate_series(1, 9650) AS n) AS moments
		JOIN people ON people.n = 1 + moments.n % 100`, day, m.advertisers[0])
	m.exec(`INSERT INTO conversions (id, advertiser_id, offer_id, goal_id, affiliate_id, click_id, terms_id, postback_id, event_type, txid, status, began,
			event_at, received_at, click_at, payout, payout_currency, normal_payout, normal_currency, rate_date, rate_source)
		SELECT gen_random_uuid(), $2, p.id, p.id, p.id, gen_random_uuid(), p.id, p.id, 'sale', 'e' || moments.n, 'PENDING', 'PENDING', at, at, at, 1, 'EUR', 1, 'EUR', at::date, 'SAME'
		FROM (SELECT n, $1::timestamptz - n * interval '10 minutes' AS at FROM generate_series(1, 20000) AS n) AS moments
		JOIN people AS p ON p.n = 1 + moments.n % 100`, day, m.advertisers[0])
	m.exec(`DELETE FROM conversion_changes WHERE event_at < $1`, day.AddDate(0, 0, -1))
	for _, table := range []string{"clicks", "conversions", "conversion_changes", "rollup_advertisers", "rollup_offers", "rollup_pairs", "rollup_values", "rollup_offer_conversions"} {
		m.exec(`ANALYZE ` + table)
	}
}

func TestReportsReadWhatTheyNeedByIndexAndFromTheRightDays(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	fillForPlans(t, m)
	day := day.Truncate(24 * time.Hour)
	var statements reportStatements
	store := dbtest.Open(t, func(c *db.Config) { c.URL, c.Tracer = m.store.Pool().Config().ConnString(), &statements })
	today := "clicks_" + day.Format("20060102")
	for _, tt := range []struct {
		name    string
		actor   proofback.Actor
		zone    string
		by      []proofback.Dimension
		indexes []string
		never   []string // read from end to end
		tables  []string // read at all, of those that begin with clicks_ or rollup_
	}{
		{
			name: "the network by day and offer", actor: m.staff, zone: "UTC", by: []proofback.Dimension{proofback.DimDay, proofback.DimOffer},
			indexes: []string{"rollup_offers_key", "rollup_offer_conversions_key"},
			never:   []string{"rollup_offers", "rollup_offer_conversions", "conversions"},
			tables:  []string{today, "rollup_offer_conversions", "rollup_offers"},
		},
		{
			name: "the network in India", actor: m.staff, zone: "Asia/Kolkata", by: []proofback.Dimension{proofback.DimDay, proofback.DimOffer},
			indexes: []string{"rollup_offers_key", "rollup_offer_conversions_key"},
			never:   []string{"rollup_offers", "rollup_offer_conversions", "conversions"},
			tables:  []string{today, "rollup_offer_conversions", "rollup_offers"},
		},
		{
			name: "the network by day, affiliate and offer", actor: m.staff, zone: "UTC", by: []proofback.Dimension{proofback.DimDay, proofback.DimAffiliate, proofback.DimOffer},
			indexes: []string{"rollup_pairs_key", "conversions_event_at"},
			never:   []string{"rollup_pairs", "conversions"},
			tables:  []string{today, "rollup_advertisers", "rollup_affiliate_conversions", "rollup_pairs"}, // the totals need no pairs
		},
		{
			name: "an affiliate by day and offer", actor: m.affiliate, zone: "UTC", by: []proofback.Dimension{proofback.DimDay, proofback.DimOffer},
			indexes: []string{"rollup_pairs_key", "conversions_affiliate"},
			never:   []string{"rollup_pairs", "conversions"},
			tables:  []string{today, "rollup_pairs"},
		},
		{
			name: "an affiliate by sub1", actor: m.affiliate, zone: "UTC", by: []proofback.Dimension{proofback.DimSub1},
			indexes: []string{"rollup_values_key", "conversions_affiliate"},
			never:   []string{"rollup_values", "conversions"},
			tables:  nil, // conversions find their clicks in any partition
		},
	} {
		zone, err := time.LoadLocation(tt.zone)
		if err != nil {
			t.Fatal(err)
		}
		in := proofback.ReportInput{
			Range: proofback.TimeRange{From: day.AddDate(0, 0, -10), To: day.Add(time.Hour)}, Zone: zone, GroupBy: tt.by, Limit: 1000,
		}
		statements = nil
		if _, err := store.Report(t.Context(), tt.actor, in); err != nil {
			t.Fatal(err)
		}
		tables, whole, indexes := map[string]bool{}, map[string]bool{}, map[string]bool{}
		for _, s := range statements {
			var plan []byte
			err = store.ReadAs(t.Context(), tt.actor, func(tx pgx.Tx) error {
				return tx.QueryRow(t.Context(), "EXPLAIN (FORMAT JSON) "+s.SQL, s.Args...).Scan(&plan)
			})
			if err != nil {
				t.Fatal(err)
			}
			var plans []struct{ Plan planNode }
			if err := json.Unmarshal(plan, &plans); err != nil {
				t.Fatal(err)
			}
			plans[0].Plan.reads(tables, whole, indexes)
		}
		for _, index := range tt.indexes {
			if !indexes[index] {
				t.Errorf("%s: index %s is not used, but %v", tt.name, index, indexes)
			}
		}
		for _, table := range tt.never {
			if whole[table] {
				t.Errorf("%s: %s is read from end to end", tt.name, table)
			}
		}
		var read []string
		for table := range tables {
			if strings.HasPrefix(table, "clicks_") || strings.HasPrefix(table, "rollup_") {
				read = append(read, table)
			}
		}
		if slices.Sort(read); tt.tables != nil && !slices.Equal(read, tt.tables) {
			t.Errorf("%s: %v are read, want %v", tt.name, read, tt.tables)
		}
	}
}
