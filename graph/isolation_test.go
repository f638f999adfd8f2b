package graph_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/proofback/proofback"
)

// tellsOfNobody are the root fields that show nothing of any tenant but who asks.
var tellsOfNobody = []string{"viewer", "lintAffiliatePostback", "exchangeRates", "periods", "defaultMinimumPayout", "clickHours"}

// openToAll are the mutations that go without an access token.
var openToAll = []string{"signIn", "refreshSession", "acceptInvitation", "requestPasswordReset", "resetPassword"}

// TestNobodyReachesAForeignTenant calls every query field and every mutation, as
// everybody, with everything that leads to a foreign tenant. What is called is made of
// the schema: what is new in it is called as well, or named here as what nobody can
// call yet.
func TestNobodyReachesAForeignTenant(t *testing.T) {
	t.Parallel()
	w := newTenants(t)
	g := &generator{t: t, schema: loadSchema(t), about: w.foreign, selected: map[string]bool{}}
	w.allKindsAreThere(t, g.schema)
	everybody := map[string]proofback.Actor{"nobody": nobody, "an affiliate": w.own.affiliate, "an advertiser": w.own.advertiser}
	secrets := w.foreign.secrets(t)

	var reads, writes []generated
	for _, root := range []*ast.Definition{g.schema.Query, g.schema.Mutation} {
		for _, f := range root.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			ops := g.operations(root, f)
			if root == g.schema.Mutation {
				writes = append(writes, ops...)
			} else {
				reads = append(reads, ops...)
			}
		}
	}
	g.everythingIsSelected()

	before := w.rowsWith(secrets)
	for who, actor := range everybody {
		for _, op := range slices.Concat(reads, writes) {
			got, text := w.raw(actor, op)
			for _, secret := range secrets {
				if strings.Contains(text, secret) {
					t.Errorf("%s as %s: finds %q\n%v\n%.2000s", op.field, who, secret, op.vars, text)
					break
				}
			}
			w.answers(op, who, got)
		}
		if after := w.rowsWith(secrets); !cmp.Equal(before, after) {
			t.Errorf("%s changed what is the foreign tenant's: %s", who, cmp.Diff(before, after))
			before = after
		}
	}
	w.staffReach(t, reads, writes, secrets)
	w.staffAloneAreTold(t, g, everybody, secrets)
}

// staffAloneAreTold subscribes to everything that ever happened.
func (w *tenants) staffAloneAreTold(t *testing.T, g *generator, everybody map[string]proofback.Actor, secrets []string) {
	t.Helper()
	w.tellChanges()
	for _, f := range g.schema.Subscription.Fields {
		for _, op := range g.operations(g.schema.Subscription, f) {
			op.vars["after"] = theBeginning
			op.text = strings.Replace(strings.Replace(op.text, "{ "+f.Name, "{ "+f.Name+"(after: $after)", 1), "subscription", "subscription($after: String)", 1)
			found := func(actor proofback.Actor) bool {
				s := w.subscribe(actor, op.text, op.vars)
				defer s.close()
				for {
					text, more := s.text(time.Second)
					if slices.ContainsFunc(secrets, func(secret string) bool { return strings.Contains(text, secret) }) {
						return true
					}
					if !more {
						return false
					}
				}
			}
			for who, actor := range everybody {
				if found(actor) {
					t.Errorf("%s is told of the foreign tenant to %s", op.field, who)
				}
			}
			if len(op.vars) == 1 && !found(admin) {
				t.Errorf("%s tells staff nothing", op.field)
			}
		}
	}
}

// answers makes sure that an operation was understood and came to an orderly end.
func (w *tenants) answers(op generated, who string, got *answer) {
	w.t.Helper()
	for _, e := range got.Errors {
		switch e.Extensions.Code {
		case "UNAUTHENTICATED", "FORBIDDEN", "BAD_USER_INPUT", "NOT_FOUND", "CONFLICT":
		default:
			w.t.Errorf("%s as %s: %s %s\n%.200s", op.field, who, e.Extensions.Code, e.Message, op.text)
		}
	}
	open := slices.ContainsFunc(openToAll, func(f string) bool { return op.field == "Mutation."+f })
	if who == "nobody" && !open && got.code() != "UNAUTHENTICATED" {
		w.t.Errorf("%s as nobody: %+v", op.field, got)
	}
}

// staffReach is the proof that the operations lead where they are meant to: each
// field shows the foreign tenant to staff, and each mutation does its work, in one of
// the ways in which it is called.
func (w *tenants) staffReach(t *testing.T, reads, writes []generated, secrets []string) {
	t.Helper()
	reached := map[string]bool{}
	said := map[string]string{}
	name := func(op generated) string {
		n, _, _ := strings.Cut(op.field, " ")
		n, _, _ = strings.Cut(strings.SplitN(n, ".", 2)[1], ".")
		return n
	}
	for _, op := range reads {
		got, text := w.raw(admin, op)
		w.answers(op, "staff", got)
		found := slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(text, s) })
		reached[name(op)] = reached[name(op)] || found || slices.Contains(tellsOfNobody, name(op))
		if strings.Contains(op.field, " of a ") && !found && !strings.HasSuffix(op.field, " of a "+string(everybodys)) {
			t.Errorf("%s: staff find nothing: %+v", op.field, got)
		}
		said[name(op)] = text
	}
	for _, op := range writes {
		got, text := w.raw(admin, op)
		w.answers(op, "staff", got)
		refused := len(got.Errors) > 0
		for _, code := range []string{`"BAD_USER_INPUT"`, `"NOT_FOUND"`, `"FORBIDDEN"`} {
			refused = refused || strings.Contains(text, code)
		}
		reached[name(op)] = reached[name(op)] || !refused
		said[name(op)] += text
	}
	for field, ok := range reached {
		if !ok {
			t.Errorf("%s: staff find and do nothing, so that it proves nothing that others do not: %.2000s", field, said[field])
		}
	}
}

// raw sends an operation, and gives what came back as it came, too.
func (w *tenants) raw(actor proofback.Actor, op generated) (*answer, string) {
	w.t.Helper()
	body, err := json.Marshal(map[string]any{"query": op.text, "variables": op.vars})
	if err != nil {
		w.t.Fatal(err)
	}
	got := w.post(actor, bytes.NewReader(body))
	text, err := json.Marshal(map[string]any{"data": got.Data, "errors": got.Errors})
	if err != nil {
		w.t.Fatal(err)
	}
	return got, string(text)
}

// rowsWith gives every row of every table that holds one of some texts.
func (w *tenants) rowsWith(texts []string) []string {
	w.t.Helper()
	patterns := make([]string, len(texts))
	for i, s := range texts {
		patterns[i] = "%" + s + "%"
	}
	rows, err := w.store.Pool().Query(w.t.Context(), `
		SELECT c.oid::regclass::text
		FROM pg_class AS c
		JOIN pg_namespace AS n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p')
		  AND NOT c.relispartition
		  AND n.nspname NOT IN ('pg_catalog', 'information_schema')`)
	if err != nil {
		w.t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		w.t.Fatal(err)
	}
	parts := make([]string, len(tables))
	for i, table := range tables {
		parts[i] = `SELECT '` + table + ` ' || t::text AS row FROM ` + table + ` AS t WHERE t::text LIKE ANY ($1)`
	}
	rows, err = w.store.Pool().Query(w.t.Context(), strings.Join(parts, ` UNION ALL `)+` ORDER BY row`, patterns)
	if err != nil {
		w.t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(found) < 15 {
		w.t.Fatal(len(found), err)
	}
	// Whoever asks may name any transaction id.
	own := w.own.affiliate.AffiliateID.String()
	return slices.DeleteFunc(found, func(row string) bool { return strings.HasPrefix(row, "disputes ") && strings.Contains(row, own) })
}

// allKindsAreThere makes sure that the foreign tenant has one of everything that has
// an id.
func (w *tenants) allKindsAreThere(t *testing.T, schema *ast.Schema) {
	t.Helper()
	for _, def := range schema.GetPossibleTypes(schema.Types["Node"]) {
		if w.foreign.ids[proofback.Kind(def.Name)] == "" {
			t.Errorf("%s: tenant makes none: add one, so that it can be asked for", def.Name)
		}
	}
}

// everythingIsSelected makes sure that every field of every type is asked for.
func (g *generator) everythingIsSelected() {
	g.t.Helper()
	for _, def := range g.schema.Types {
		if def.Kind != ast.Object || def.BuiltIn || def == g.schema.Query || def == g.schema.Mutation || def == g.schema.Subscription {
			continue
		}
		for _, f := range def.Fields {
			if !strings.HasPrefix(f.Name, "__") && !g.selected[def.Name+"."+f.Name] {
				g.t.Errorf("%s.%s: no operation asks for it", def.Name, f.Name)
			}
		}
	}
}
