package db_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// closedTables are those that no partner may read or write, and why none needs to.
// All others let through a partner's own rows: TestEveryTableSaysWhatPartnersMayDo.
var closedTables = map[string]string{
	"audit_log":           "an ADMIN's alone",
	"one_time_tokens":     "hashes; invitations and resets are the program's",
	"recovery_codes":      "hashes, of staff",
	"second_factors":      "of staff",
	"sign_in_tries":       "the program's",
	"bun_migration_locks": "the program's",
	"bun_migrations":      "the program's",
	"cap_usage":           "counts everybody's; Store.CapsUsed tells of offers that the actor sees",
	"check_phrases":       "the sentences of checks, and nobody's: Store.Postbacks spells requests out",
	"click_counts":        "counts everybody's clicks",
	"deferred":            "requests that are not decided yet, as they came",
	"discrepancies":       "what is different in all of it; staff look into it",
	"ledger":              "facts of all",
	"ledger_checkpoints":  "facts of all",
	"ledger_leaves":       "facts of all",
	"ledger_sealing":      "the program's",
	"ledger_tiles":        "facts of all",
	"rates_version":       "the program's",
	"referrers":           "referrer_of tells the one that a click names",
	"refresh_tokens":      "hashes; sessions are the program's",
	"river_job":           "jobs are the program's",
	"river_leader":        "jobs are the program's",
	"river_migration":     "jobs are the program's",
	"river_notification":  "jobs are the program's",
	"river_queue":         "jobs are the program's",
	"settings":            "the program's",
	"setup_version":       "the program's",
	"spools":              "the program's",
	"user_agents":         "user_agent_of tells the one that a click names",
	"verifications":       "what is different in all of it; staff look into it",
	"webhook_nonces":      "the program's",
}

// partnerRoles are the kinds of partners, each with the column that says whose a row
// is.
var partnerRoles = map[string]string{"affiliate": "affiliate_id", "advertiser": "advertiser_id"}

// ruledTable is a table, or a view, as a kind of partner has it.
type ruledTable struct {
	Name       string
	Kind       string // relkind of pg_class
	Partition  bool
	Secured    bool     // by row-level security
	Privileges []string // of the role, on it or a column of it
	Policies   []string // "command expression"
	Own        bool     // has the column that says whose a row is
}

// ruledTables reads from the catalog what a kind of partner may do.
func ruledTables(t *testing.T, store *db.Store, kind string) []ruledTable {
	t.Helper()
	rows, err := store.Pool().Query(t.Context(), `
		SELECT c.relname, c.relkind::text, c.relispartition, c.relrowsecurity,
			ARRAY(
				SELECT p
				FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p
				WHERE c.relkind <> 'S' AND (has_table_privilege($1, c.oid, p)
				   OR p IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') AND has_any_column_privilege($1, c.oid, p))
				UNION ALL
				SELECT p
				FROM unnest(ARRAY['USAGE', 'SELECT', 'UPDATE']) AS p
				WHERE CASE WHEN c.relkind = 'S' THEN has_sequence_privilege($1, c.oid, p) END),
			ARRAY(
				SELECT p.polcmd::text || ' ' || coalesce(pg_get_expr(p.polqual, p.polrelid), '')
				FROM pg_policy AS p
				WHERE p.polrelid = c.oid
				  AND (SELECT oid FROM pg_roles WHERE rolname = $1) = ANY (p.polroles)),
			EXISTS (
				SELECT
				FROM pg_attribute AS a
				WHERE a.attrelid = c.oid
				  AND a.attname = $2)
		FROM pg_class AS c
		JOIN pg_namespace AS n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
		  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
		  AND n.nspname NOT LIKE 'pg\_temp%'
		ORDER BY c.relname`, "proofback_"+kind, partnerRoles[kind])
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ruledTable])
	if err != nil || len(tables) == 0 {
		t.Fatal(tables, err)
	}
	return tables
}

// TestEveryTableSaysWhatPartnersMayDo walks the catalog, so that no new table is
// forgotten.
func TestEveryTableSaysWhatPartnersMayDo(t *testing.T) {
	t.Parallel()
	store := dbtest.Open(t)
	for kind, column := range partnerRoles {
		unused := maps.Clone(closedTables)
		for _, table := range ruledTables(t, store, kind) {
			_, closed := closedTables[table.Name]
			delete(unused, table.Name)
			switch {
			case closed, table.Partition, !slices.Contains([]string{"r", "p"}, table.Kind):
				if len(table.Privileges) > 0 {
					t.Errorf("%s: an %s may %v, and is to reach it in no way of its own", table.Name, kind, table.Privileges)
				}
				continue
			case !table.Secured || len(table.Policies) == 0:
				t.Errorf("%s: no policy says what an %s sees of it: make one in its migration, for each kind of partner, or name it in closedTables", table.Name, kind)
				continue
			}
			commands := map[string]int{}
			own := fmt.Sprintf("(%s = (current_setting('proofback.%s'::text))::uuid)", column, column)
			for _, policy := range table.Policies {
				command, expression := policy[:1], policy[2:]
				commands[command]++
				reads := command == "r" || command == "*"
				if reads && table.Own && expression != own && expression != "false" {
					t.Errorf("%s: what an %s sees is not told by its index: %s, and not %s", table.Name, kind, expression, own)
				}
			}
			for command, n := range commands {
				if n > 1 || command != "*" && commands["*"] > 0 {
					t.Errorf("%s: an %s has two policies for the same thing, of which one is enough: an index finds neither", table.Name, kind)
				}
			}
			for privilege, command := range map[string]string{"SELECT": "r", "INSERT": "a", "UPDATE": "w", "DELETE": "d"} {
				if slices.Contains(table.Privileges, privilege) && commands[command]+commands["*"] == 0 {
					t.Errorf("%s: an %s may %s, but no policy lets it", table.Name, kind, privilege)
				}
			}
			for _, privilege := range []string{"DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"} {
				if slices.Contains(table.Privileges, privilege) {
					t.Errorf("%s: an %s may %s", table.Name, kind, privilege)
				}
			}
		}
		for name := range unused {
			t.Errorf("closedTables: there is no table %s", name)
		}
	}
}

func TestPartnersHaveNoOtherWayIn(t *testing.T) {
	t.Parallel()
	store := dbtest.Open(t)
	ask := func(sql string) []string {
		t.Helper()
		rows, err := store.Pool().Query(t.Context(), sql)
		if err != nil {
			t.Fatal(err)
		}
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	roles := ask(`
		SELECT rolname::text
		FROM pg_roles
		WHERE rolname IN ('proofback_affiliate', 'proofback_advertiser')
		  AND NOT (rolcanlogin OR rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)
		  AND NOT EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid)`)
	if len(roles) != 2 {
		t.Errorf("only %v are roles that can do nothing by themselves", roles)
	}
	definers := ask(`
		SELECT p.proname::text
		FROM pg_proc AS p
		JOIN pg_namespace AS n ON n.oid = p.pronamespace
		WHERE p.prosecdef
		  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
		ORDER BY 1`)
	if want := []string{"referrer_of", "renew_rates_version", "renew_setup_version", "user_agent_of"}; !slices.Equal(definers, want) {
		t.Errorf("functions with the owner's rights: %v, and not %v", definers, want)
	}
	if views := ask(`
		SELECT relname::text
		FROM pg_class AS c
		JOIN pg_namespace AS n ON n.oid = c.relnamespace
		WHERE relkind = 'v'
		  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
		  AND NOT coalesce('security_invoker=true' = ANY (reloptions), false)`); len(views) > 0 {
		t.Errorf("views that read with their owner's rights: %v", views)
	}
}

// TestATransactionsRoleEndsWithIt has one connection serve everybody in turn.
func TestATransactionsRoleEndsWithIt(t *testing.T) {
	t.Parallel()
	m := newMarket(t, func(c *db.Config) { c.MaxConns = 1 })
	who := func(tx pgx.Tx) string {
		var user, affiliate, advertiser string
		err := tx.QueryRow(context.Background(), `
			SELECT current_user::text,
				coalesce(current_setting('proofback.affiliate_id', true), ''),
				coalesce(current_setting('proofback.advertiser_id', true), '')`).Scan(&user, &affiliate, &advertiser)
		if err != nil {
			t.Error(err)
		}
		return user + " " + affiliate + advertiser
	}
	var owner string
	check := func(when, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: it is %q, and not %q", when, got, want)
		}
	}
	remember := func(into *string) func(pgx.Tx) error {
		return func(tx pgx.Tx) error {
			*into = who(tx)
			return nil
		}
	}
	if err := m.store.ReadAs(t.Context(), m.staff, remember(&owner)); err != nil {
		t.Fatal(err)
	}
	affiliate := "proofback_affiliate " + m.affiliates[0].String()
	for range 2 {
		var got, after string
		ended := fmt.Errorf("ended")
		canceled, cancel := context.WithCancel(t.Context())
		for how, err := range map[string]error{
			"committed": m.store.ChangeAs(t.Context(), m.affiliate, remember(&got)),
			"rolled back": m.store.ChangeAs(t.Context(), m.affiliate, func(pgx.Tx) error {
				return ended
			}),
			"failed": m.store.ReadAs(t.Context(), m.affiliate, func(tx pgx.Tx) error {
				_, err := tx.Exec(t.Context(), `SELECT 1/0`)
				return err
			}),
			"given up": m.store.ReadAs(canceled, m.affiliate, func(tx pgx.Tx) error {
				cancel()
				_, err := tx.Exec(canceled, `SELECT 1`)
				return err
			}),
		} {
			if (err == nil) != (how == "committed") {
				t.Errorf("%s: %v", how, err)
			}
		}
		cancel()
		check("an affiliate", got, affiliate)
		if err := m.store.ReadAs(t.Context(), m.staff, remember(&after)); err != nil {
			t.Fatal(err)
		}
		check("staff after it", after, owner)
		if err := m.store.ReadAs(t.Context(), m.advertiser2, remember(&got)); err != nil {
			t.Fatal(err)
		}
		check("an advertiser after it", got, "proofback_advertiser "+m.advertisers[1].String())
		var before, within string
		if err := m.store.AsOwnerWithin(t.Context(), m.affiliate, remember(&before), remember(&within), remember(&after)); err != nil {
			t.Fatal(err)
		}
		check("before the owner", before, affiliate)
		check("as the owner", within, owner[:len(owner)-1]+" "+m.affiliates[0].String())
		check("after the owner", after, affiliate)
	}
}
