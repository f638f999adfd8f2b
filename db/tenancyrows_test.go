package db_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/proofback/proofback"
)

// nobodysTables belong to nobody: every partner reads all of them.
var nobodysTables = []string{"rates", "rollup_state", "late_clicks", "periods", "statement_runs"}

// ownRowsOf says which rows are a partner's, $1, of tables that do not say it in a
// column, by kind of partner. The market's offers are all private.
var ownRowsOf = map[string]map[string]string{
	"affiliate": {
		"reconciliations":        `false AND $1::uuid IS NULL`,
		"reconciliation_feeds":   `false AND $1::uuid IS NULL`,
		"reconciliation_items":   `false AND $1::uuid IS NULL`,
		"reconciliation_rows":    `false AND $1::uuid IS NULL`,
		"reconciliation_summary": `false AND $1::uuid IS NULL`,
		"affiliates":             `id = $1`,
		"advertisers":            `id IN (SELECT o.advertiser_id FROM offers AS o JOIN tracking_links AS l ON l.offer_id = o.id WHERE l.affiliate_id = $1)`,
		"offers":                 `id IN (SELECT offer_id FROM tracking_links WHERE affiliate_id = $1)`,
		"terms":                  `offer_id IN (SELECT offer_id FROM tracking_links WHERE affiliate_id = $1)`,
		"goals":                  `offer_id IN (SELECT offer_id FROM tracking_links WHERE affiliate_id = $1)`,
		"sessions":               `user_id IN (SELECT id FROM users WHERE affiliate_id = $1)`,
		"parked":                 `destination_id IN (SELECT id FROM destinations WHERE affiliate_id = $1)`,
		"redirect_audits":        `false AND $1::uuid IS NULL`,
		"report_files":           `run_id IN (SELECT id FROM report_runs WHERE affiliate_id = $1)`,

		"rollup_offers":            `false AND $1::uuid IS NULL`,
		"rollup_advertisers":       `false AND $1::uuid IS NULL`,
		"rollup_offer_conversions": `false AND $1::uuid IS NULL`,
	},
	"advertiser": {
		"reconciliation_items":   `reconciliation_id IN (SELECT id FROM reconciliations WHERE advertiser_id = $1)`,
		"reconciliation_rows":    `reconciliation_id IN (SELECT id FROM reconciliations WHERE advertiser_id = $1)`,
		"reconciliation_summary": `reconciliation_id IN (SELECT id FROM reconciliations WHERE advertiser_id = $1)`,
		"advertisers":            `id = $1`,
		"affiliates":             `id IN (SELECT l.affiliate_id FROM tracking_links AS l JOIN offers AS o ON o.id = l.offer_id WHERE o.advertiser_id = $1)`,
		"goals":                  `offer_id IN (SELECT id FROM offers WHERE advertiser_id = $1)`,
		"tracking_links":         `offer_id IN (SELECT id FROM offers WHERE advertiser_id = $1)`,
		"sessions":               `user_id IN (SELECT id FROM users WHERE advertiser_id = $1)`,
		"attempts":               `false AND $1::uuid IS NULL`,
		"deliveries":             `false AND $1::uuid IS NULL`,
		"destinations":           `false AND $1::uuid IS NULL`,
		"report_files":           `run_id IN (SELECT id FROM report_runs WHERE advertiser_id = $1)`,
		"offer_access":           `false AND $1::uuid IS NULL`,
		"parked":                 `false AND $1::uuid IS NULL`,
		"payout_overrides":       `false AND $1::uuid IS NULL`,

		"rollup_affiliate_conversions": `false AND $1::uuid IS NULL`,
		"statements":                   `false AND $1::uuid IS NULL`,
		"statement_lines":              `false AND $1::uuid IS NULL`,
		"disputes":                     `false AND $1::uuid IS NULL`,
		"dispute_entries":              `false AND $1::uuid IS NULL`,
	},
}

// newTwoTenants is a market in which each affiliate works for one advertiser alone,
// with rows of both in every table that partners reach.
func newTwoTenants(t *testing.T) *market {
	t.Helper()
	m := newMarket(t)
	m.exec(`UPDATE offers SET access = 'PRIVATE'`)
	period := keyAt(day)
	m.exec(`INSERT INTO periods (id, starts, ends, closed_at) VALUES ($1, '2026-01-01', '2026-02-01', '2026-02-01')`, period)
	people := map[*proofback.Actor]uuid.UUID{}
	for i, actors := range [][2]*proofback.Actor{{&m.affiliate, &m.advertiser}, {&m.affiliate2, &m.advertiser2}} {
		click := m.click(i, day, func(c *proofback.Click) { c.UserAgent = "Firefox" })
		c := m.conversion(click, "T", day)
		m.postback(click, "T", day)
		destination := m.destination(i)
		delivery := m.delivery(c, destination, day, 1)
		m.exec(`INSERT INTO adjustments (id, conversion_id, advertiser_id, affiliate_id, kind, to_status, payout, payout_currency, settled, booked_at, at, by_kind, reason)
			VALUES ($1, $2, $3, $4, 'AMOUNT', 'PENDING', 1, 'EUR', false, $5, $5, 'USER', '')`, keyAt(day), c.ID, c.AdvertiserID, c.AffiliateID, day)
		m.exec(`WITH stated AS (
				INSERT INTO statements (id, period_id, affiliate_id, currency, opening, earned, adjusted, payable, carried, minimum, lines, digest, made_at)
				VALUES ($1, $2, $3, 'EUR', 0, 1, 0, 1, 0, 0, 1, '', $4)
			)
			INSERT INTO statement_lines (statement_id, number, affiliate_id, kind, conversion_id, at, sent, sent_currency, amount)
			VALUES ($1, 1, $3, 'CONVERSION', $5, $4, 1, 'EUR', 1)`, keyAt(day), period, m.affiliates[i], day, c.ID)
		m.exec(`INSERT INTO parked (destination_id, seq, delivery_id) VALUES ($1, 1, $2)`, destination, delivery)
		m.exec(`INSERT INTO notices (id, affiliate_id, destination_id, kind, message, at) VALUES ($1, $2, $3, 'STOPPED', '', $4)`,
			keyAt(day), m.affiliates[i], destination, day)
		dispute := keyAt(day)
		m.exec(`INSERT INTO disputes (id, affiliate_id, txid, status, trace, opened_at) VALUES ($1, $2, 'T', 'OPEN', '[]', $3)`, dispute, m.affiliates[i], day)
		m.exec(`INSERT INTO dispute_entries (id, dispute_id, affiliate_id, at, by_staff, text) VALUES ($1, $2, $3, $4, false, '')`, keyAt(day), dispute, m.affiliates[i], day)
		m.exec(`INSERT INTO tracking_links (id, code, offer_id, affiliate_id, created_at) VALUES ($1, $1::uuid::text, $2, $3, $4)`,
			keyAt(day), m.offers[i], m.affiliates[i], day)
		m.exec(`INSERT INTO offer_access (id, offer_id, affiliate_id, status, requested_at) VALUES ($1, $2, $3, 'APPROVED', $4)`,
			keyAt(day), m.offers[i], m.affiliates[i], day)
		m.exec(`INSERT INTO payout_overrides (id, affiliate_id, offer_id, goal_id, payout, valid_from, created_at) VALUES ($1, $2, $3, $4, '{}', $5, $5)`,
			keyAt(day), m.affiliates[i], m.offers[i], m.goals[i], day)
		m.exec(`INSERT INTO pixel_signals (id, at, click_id, parameters, advertiser_id, offer_id, affiliate_id) VALUES ($1, $2, $3, '[]', $4, $5, $6)`,
			keyAt(day), day, click.ID, m.advertisers[i], m.offers[i], m.affiliates[i])
		m.exec(`INSERT INTO redirect_audits (id, offer_id, advertiser_id, terms_id, at, verdict, survived, hops) VALUES ($1, $2, $3, $4, $5, '', true, '[]')`,
			keyAt(day), m.offers[i], m.advertisers[i], m.terms[i], day)
		m.exec(`INSERT INTO rollup_pairs (day, offer_id, advertiser_id, affiliate_id, clicks, bots, at, clicks_to, bots_to) VALUES ($1, $2, $3, $4, 1, 0, '{0}', '{1}', '{0}')`,
			day, m.offers[i], m.advertisers[i], m.affiliates[i])
		m.exec(`INSERT INTO rollup_values VALUES ($1, 'device', $2, $3, $4, '{MOBILE}', '{1}', '{0}')`, day, m.affiliates[i], m.offers[i], m.advertisers[i])
		m.exec(`INSERT INTO rollup_advertisers VALUES ($1, $2, 1, 0, '{0}', '{1}', '{0}')`, day, m.advertisers[i])
		m.exec(`INSERT INTO rollup_offers VALUES ($1, $2, $3, 1, 0, '{0}', '{1}', '{0}')`, day, m.offers[i], m.advertisers[i])
		m.exec(`INSERT INTO rollup_offer_conversions VALUES ($1, $2, $3, $4, '', 0, 0, 0, 0, 0, 0, '{}', '{}', '{}', '{}', '{}', '{}', '{}')`, day, m.offers[i], m.advertisers[i], m.goals[i])
		m.exec(`INSERT INTO rollup_affiliate_conversions VALUES ($1, $2, 0, 0, 0, 0, 0, 0, '{}', '{}', '{}', '{}', '{}', '{}', '{}')`, day, m.affiliates[i])
		list := keyAt(day)
		m.exec(`INSERT INTO reconciliations (id, advertiser_id, source, status, range_from, range_to, created_at) VALUES ($1, $2, 'UPLOAD', 'DONE', $3, $3, $3)`,
			list, m.advertisers[i], day)
		m.exec(`INSERT INTO reconciliation_rows (reconciliation_id, line, raw, problem) VALUES ($1, 1, '', '')`, list)
		m.exec(`INSERT INTO reconciliation_items (reconciliation_id, n, kind, detail) VALUES ($1, 1, 'MATCHED', '')`, list)
		m.exec(`INSERT INTO reconciliation_summary (reconciliation_id, kind, count) VALUES ($1, 'MATCHED', 1)`, list)
		m.exec(`INSERT INTO reconciliation_feeds (id, advertiser_id, url, format, schedule, columns, days, enabled, next_run_at, created_at)
			VALUES ($1, $2, '', 'CSV', '', '[]', 1, false, $3, $3)`, keyAt(day), m.advertisers[i], day)
		for _, actor := range actors {
			people[actor] = keyAt(day)
			m.exec(`INSERT INTO users (id, email, password_hash, role, affiliate_id, advertiser_id, created_at) VALUES ($1, $1::uuid::text, '', $2, $3, $4, $5)`,
				people[actor], string(actor.Role), nullID(actor.AffiliateID), nullID(actor.AdvertiserID), day)
			m.exec(`INSERT INTO sessions (id, user_id, created_at) VALUES ($1, $2, $3)`, keyAt(day), people[actor], day)
			m.exec(`INSERT INTO api_keys (id, name, hash, hint, role, affiliate_id, advertiser_id, scope, created_at) VALUES ($1, '', $2::text::bytea, '', $3, $4, $5, 'READ', $6)`,
				keyAt(day), people[actor].String(), string(actor.Role), nullID(actor.AffiliateID), nullID(actor.AdvertiserID), day)
			actor.UserID = people[actor]
			report, run := keyAt(day), keyAt(day)
			m.exec(`INSERT INTO saved_reports (id, user_id, affiliate_id, advertiser_id, name, query, format, time_zone, schedule, created_at)
				VALUES ($1, $2, $3, $4, '', '{}', 'CSV', 'UTC', '', $5)`, report, people[actor], nullID(actor.AffiliateID), nullID(actor.AdvertiserID), day)
			m.exec(`INSERT INTO report_runs (id, report_id, user_id, affiliate_id, advertiser_id, status, scheduled, at, name, format, created_at)
				VALUES ($1, $2, $3, $4, $5, 'DONE', true, $6, '', 'CSV', $6)`, run, report, people[actor], nullID(actor.AffiliateID), nullID(actor.AdvertiserID), day)
			m.exec(`INSERT INTO report_files (run_id, number, data) VALUES ($1, 0, '')`, run)
			m.exec(`INSERT INTO notices (id, affiliate_id, advertiser_id, saved_report_id, kind, message, at) VALUES ($1, $2, $3, $4, 'REPORT_FAILED', '', $5)`,
				keyAt(day), nullID(actor.AffiliateID), nullID(actor.AdvertiserID), report, day)
		}
	}
	return m
}

func nullID(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

// TestAForgottenWhereFindsNothingForeign reads, and rewrites, each table that partners
// reach without any condition.
func TestAForgottenWhereFindsNothingForeign(t *testing.T) {
	t.Parallel()
	m := newTwoTenants(t)
	for kind, actor := range map[string]proofback.Actor{"affiliate": m.affiliate, "advertiser": m.advertiser} {
		me := actor.AffiliateID
		if kind == "advertiser" {
			me = actor.AdvertiserID
		}
		tested := maps.Clone(ownRowsOf[kind])
		for _, table := range ruledTables(t, m.store, kind) {
			if closedTables[table.Name] != "" || table.Partition || table.Kind == "S" || slices.Contains(nobodysTables, table.Name) {
				continue
			}
			mine, told := tested[table.Name]
			delete(tested, table.Name)
			if !told {
				if !table.Own {
					t.Errorf("%s: ownRowsOf does not say which rows are an %s's", table.Name, kind)
					continue
				}
				mine = partnerRoles[kind] + ` = $1`
			}
			all, own := m.count(`SELECT count(*) FROM `+table.Name), m.count(`SELECT count(*) FROM `+table.Name+` WHERE `+mine, me)
			if own >= all || own == 0 && !strings.HasPrefix(mine, "false") {
				t.Errorf("%s: newTwoTenants makes %d rows, of which %d are an %s's: make some of both", table.Name, all, own, kind)
			}
			if slices.Contains(table.Privileges, "SELECT") {
				if seen := m.affected(actor, `SELECT FROM `+table.Name); seen != own {
					t.Errorf("%s: an %s sees %d rows, and %d are its own", table.Name, kind, seen, own)
				}
			}
			if slices.Contains(table.Privileges, "UPDATE") {
				column := m.updatable(table.Name, "proofback_"+kind)
				if written := m.affected(actor, `UPDATE `+table.Name+` SET `+column+` = `+column); written != own {
					t.Errorf("%s: an %s changes %d rows, and %d are its own", table.Name, kind, written, own)
				}
			}
		}
		for name := range tested {
			t.Errorf("ownRowsOf: an %s does not reach %s", kind, name)
		}
	}
}

// affected is how many rows a statement reads or writes, as an actor.
func (m *market) affected(actor proofback.Actor, sql string) int {
	m.t.Helper()
	n := int64(0)
	err := m.store.ChangeAs(m.t.Context(), actor, func(tx pgx.Tx) error {
		tag, err := tx.Exec(m.t.Context(), sql)
		n = tag.RowsAffected()
		return err
	})
	if err != nil {
		m.t.Errorf("%s: %v", sql, errors.Unwrap(err))
	}
	return int(n)
}

// updatable is a column that a role may write, which its policy may not be about.
func (m *market) updatable(table, role string) (column string) {
	m.t.Helper()
	err := m.store.Pool().QueryRow(m.t.Context(), `
		SELECT attname::text
		FROM pg_attribute
		WHERE attrelid = $1::regclass
		  AND attnum > 0
		  AND NOT attisdropped
		  AND attidentity = ''
		  AND has_column_privilege($2, attrelid, attnum, 'UPDATE')
		  AND has_column_privilege($2, attrelid, attnum, 'SELECT')
		ORDER BY attnum
		LIMIT 1`, table, role).Scan(&column)
	if err != nil {
		m.t.Fatalf("%s: %v", table, err)
	}
	return column
}

// TestAPartnerWritesNothingForOthers tries to store what belongs to another partner.
func TestAPartnerWritesNothingForOthers(t *testing.T) {
	t.Parallel()
	m := newTwoTenants(t)
	other, others := m.affiliates[1], m.destination(1)
	for name, tt := range map[string]struct {
		actor proofback.Actor
		sql   string
		args  []any
	}{
		"a link": {
			m.affiliate, `INSERT INTO tracking_links (id, code, offer_id, affiliate_id, created_at) VALUES ($1, 'x', $2, $3, now())`,
			[]any{keyAt(day), m.offers[0], other},
		},
		"a link to an offer out of sight": {
			m.affiliate, `INSERT INTO tracking_links (id, code, offer_id, affiliate_id, created_at) VALUES ($1, 'x', $2, $3, now())`,
			[]any{keyAt(day), m.offers[1], m.affiliates[0]},
		},
		"access": {
			m.affiliate, `INSERT INTO offer_access (id, offer_id, affiliate_id, status, requested_at) VALUES ($1, $2, $3, 'PENDING', now())`,
			[]any{keyAt(day), m.offers[0], other},
		},
		"its own access, decided by itself": {
			m.affiliate2, `INSERT INTO offer_access (id, offer_id, affiliate_id, status, requested_at) VALUES ($1, $2, $3, 'APPROVED', now())`,
			[]any{keyAt(day), m.offers[0], other},
		},
		"an endpoint": {m.affiliate, `INSERT INTO destinations (id, affiliate_id, statuses, method, url_template, retry_on, secret, health_since, created_at)
			VALUES ($1, $2, '{}', 'GET', '', '{}', '', now(), now())`, []any{keyAt(day), other}},
		"its own endpoint, given away": {m.affiliate, `UPDATE destinations SET affiliate_id = $1`, []any{other}},
		"a delivery": {m.affiliate, `INSERT INTO deliveries (id, conversion_id, transition_id, click_id, affiliate_id, destination_id, event, status, created_at)
			VALUES ($1, $1, $1, $1, $2, $3, 'PENDING', 'PENDING', now())`, []any{keyAt(day), other, others}},
		"a deletion": {m.affiliate, `DELETE FROM destinations`, nil},
		"an audit": {m.advertiser, `INSERT INTO redirect_audits (id, offer_id, advertiser_id, terms_id, at, verdict, survived, hops)
			VALUES ($1, $2, $3, $1, now(), '', true, '[]')`, []any{keyAt(day), m.offers[1], m.advertisers[1]}},
		"an audit of a foreign offer": {m.advertiser, `INSERT INTO redirect_audits (id, offer_id, advertiser_id, terms_id, at, verdict, survived, hops)
			VALUES ($1, $2, $3, $1, now(), '', true, '[]')`, []any{keyAt(day), m.offers[1], m.advertisers[0]}},
		"a report of somebody else's": {m.affiliate, `INSERT INTO saved_reports (id, user_id, affiliate_id, name, query, format, time_zone, schedule, created_at)
			VALUES ($1, $2, $3, '', '{}', 'CSV', 'UTC', '', now())`, []any{keyAt(day), m.affiliate2.UserID, other}},
		"a file":          {m.affiliate, `INSERT INTO report_files (run_id, number, data) SELECT id, 1, '' FROM report_runs`, nil},
		"a conversion":    {m.advertiser, `UPDATE conversions SET status = 'APPROVED'`, nil},
		"a password":      {m.affiliate, `SELECT password_hash FROM users`, nil},
		"a partition":     {m.affiliate, `SELECT FROM clicks_default`, nil},
		"a job":           {m.affiliate, `SELECT FROM river_job`, nil},
		"a read-only one": {proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: other}, `DELETE FROM rates`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := m.store.ChangeAs(t.Context(), tt.actor, func(tx pgx.Tx) error {
				_, err := tx.Exec(t.Context(), tt.sql, tt.args...)
				return err
			})
			if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.Code != "42501" {
				t.Errorf("not refused: %v", err)
			}
		})
	}
}

func TestNobodyActsWithoutBeingBound(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	for _, actor := range []proofback.Actor{
		{},
		{Role: proofback.RoleAffiliate},
		{Role: proofback.RoleAdvertiser, AffiliateID: m.affiliates[0]},
		{Role: "AUDITOR"},
	} {
		err := m.store.ReadAs(t.Context(), actor, func(pgx.Tx) error {
			t.Errorf("%+v: has a transaction", actor)
			return nil
		})
		if proofback.CodeOf(err) != proofback.CodeUnauthenticated {
			t.Errorf("%+v: %v", actor, err)
		}
	}
	conn, err := m.store.Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	if _, err := conn.Exec(t.Context(), `SET ROLE proofback_affiliate`); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = conn.Exec(t.Context(), `RESET ROLE`) }()
	if _, err := conn.Exec(t.Context(), `SELECT FROM clicks`); err == nil {
		t.Error("the role reads without saying whose")
	}
}
