package graph_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/proofback/proofback"
)

// maxGenerated is how many fields an operation may have at most: a mutation of a
// hundred rows is still within what the server answers.
const maxGenerated = 300

// maxOfOne is the same where one thing is asked for.
const maxOfOne = 1000

// generator writes operations by the schema: each root field with all fields of what
// it gives, and its arguments filled with what belongs to a tenant.
type generator struct {
	t      *testing.T
	schema *ast.Schema
	about  *tenant
	// selected are the fields that some operation asks for, as Type.field.
	selected map[string]bool
	unique   int
}

// generated is one way to call a root field.
type generated struct {
	field string // with what was filled in, for people
	text  string
	vars  vars
}

// idKinds says of what kind ids are whose names do not tell.
var idKinds = map[string]proofback.Kind{
	"Query.integrationTest.id":              proofback.KindIntegrationTest,
	"UpdateAdvertiserInput.id":              proofback.KindAdvertiser,
	"RotateAdvertiserSecretInput.id":        proofback.KindAdvertiser,
	"UpdateAffiliateInput.id":               proofback.KindAffiliate,
	"UpdateOfferInput.id":                   proofback.KindOffer,
	"UpdateUserInput.id":                    proofback.KindUser,
	"ResendInvitationInput.id":              proofback.KindUser,
	"AuditLogFilter.objectId":               aKind,
	"UpdateApiKeyInput.id":                  proofback.KindAPIKey,
	"RevokeApiKeyInput.id":                  proofback.KindAPIKey,
	"UpdateTrackingLinkInput.id":            proofback.KindTrackingLink,
	"UpdateAffiliatePostbackInput.id":       proofback.KindAffiliatePostback,
	"RotateAffiliatePostbackSecretInput.id": proofback.KindAffiliatePostback,
	"TestAffiliatePostbackInput.id":         proofback.KindAffiliatePostback,
	"BackfillAffiliatePostbackInput.id":     proofback.KindAffiliatePostback,
	"ApproveConversionsInput.ids":           proofback.KindConversion,
	"RejectConversionsInput.ids":            proofback.KindConversion,
	"ConversionAdjustmentInput.id":          proofback.KindConversion,
	"Query.statement.id":                    proofback.KindStatement,
	"StatementFilter.periodId":              everybodys,
	"ReplayPostbacksInput.ids":              proofback.KindPostback,
	"CorrectReconciliationInput.id":         proofback.KindReconciliation,
	"AnswerDisputeInput.id":                 proofback.KindDispute,
	"RetryDeliveriesInput.ids":              proofback.KindDelivery,
	"UpdateSavedReportInput.id":             proofback.KindSavedReport,
	"ArchiveSavedReportInput.id":            proofback.KindSavedReport,
	"RunSavedReportInput.id":                proofback.KindSavedReport,
}

// anyKind are the ids that may be of every kind.
var anyKind = []string{"Query.node.id", "Query.nodes.ids"}

// aKind is taken where an input takes ids of every kind.
const aKind = proofback.KindUser

// alwaysFilled are inputs that may be left out, but without which nothing is shown or
// done.
var alwaysFilled = []string{"CreateApiKeyInput.role", "ReportInput.groupBy", "RejectConversionsInput.reason", "ConversionAdjustmentInput.payout", "SavedReportQueryInput.period", "CorrectReconciliationInput.numbers", "OpenDisputeInput.affiliateId"}

// input gives the value of an argument or input field that is no id: by its place, by
// its name, or by its type.
func (g *generator) input(place, name, kind string) (any, bool) {
	g.unique++
	now := time.Now().UTC()
	byPlace := map[string]any{
		"CreateUserInput.email":               fmt.Sprintf("new%d@example.com", g.unique),
		"CreateUserInput.role":                "MANAGER",
		"InviteUserInput.email":               fmt.Sprintf("new%d@example.com", g.unique),
		"InviteUserInput.role":                "MANAGER",
		"SignInInput.password":                "right",
		"RefreshSessionInput.refreshToken":    "refresh-right",
		"SetReconciliationFeedInput.schedule": "30 6 * * *",
		"PriceInput.model":                    "POSTBACK",
		"CreateApiKeyInput.role":              "MANAGER",
		"CreateApiKeyInput.expiresAt":         now.Add(time.Hour).Format(time.RFC3339),
		"SavedReportQueryInput.groupBy":       []string{"OFFER"},
		"ClosePeriodInput.month":              proofback.MonthName(monthsAgo(5)), // follows the one that stated closed
		"ReportInput.groupBy":                 []string{"OFFER", "AFFILIATE", "ADVERTISER", "GOAL"},
		"BackfillAffiliatePostbackInput.to":   now.Add(time.Hour).Format(time.RFC3339),
	}
	byName := map[string]any{
		"clickId": g.about.click, "transactionId": g.about.txid, "requestId": g.about.request,
		"from": now.Add(-time.Hour).Format(time.RFC3339), "to": now.Add(time.Hour).Format(time.RFC3339),
		"landingUrl": "https://new.example/?c={click_id}", "urlTemplate": "https://new.example/?s={status}",
		"password": "long enough", "first": 5,
	}
	byType := map[string]any{
		"String": "new", "Boolean": false, "Int": 1, "Float": 1.0,
		"DateTime": now.Format(time.RFC3339), "Date": now.Format(time.DateOnly), "Decimal": "1.00", "Currency": "EUR",
		"Country": "DE", "TimeZone": "UTC", "URL": "https://new.example/",
	}
	for _, known := range []struct {
		values map[string]any
		key    string
	}{{byPlace, place}, {byName, name}, {byType, kind}} {
		if v, ok := known.values[known.key]; ok {
			return v, true
		}
	}
	return nil, false
}

// tellsWhose are names of strings that lead to rows, as ids do.
var tellsWhose = []string{"clickId", "transactionId", "requestId"}

// leads reports whether an input leads to rows of somebody.
func leads(name string, t *ast.Type) bool {
	return t.Name() == "ID" || slices.Contains(tellsWhose, name)
}

// operations are all the ways to call a root field: with what is needed alone, and
// with each further input that leads to rows.
func (g *generator) operations(root *ast.Definition, field *ast.FieldDefinition) []generated {
	place := root.Name + "." + field.Name
	var list []generated
	for _, more := range append([]string{""}, g.optional(place, field.Arguments)...) {
		kinds := []proofback.Kind{""}
		if slices.ContainsFunc(anyKind, func(p string) bool { return strings.HasPrefix(p, place+".") }) {
			kinds = slices.Sorted(maps.Keys(g.about.ids))
		}
		for _, kind := range kinds {
			list = append(list, g.operation(root, field, more, kind))
		}
	}
	return list
}

// optional are the places of inputs that may be left out and lead to rows, below some
// arguments.
func (g *generator) optional(owner string, arguments ast.ArgumentDefinitionList) []string {
	var places []string
	for _, a := range arguments {
		places = append(places, g.optionalBelow(owner, a.Name, a.Type, a.DefaultValue != nil, owner+"."+a.Name, 0)...)
	}
	return places
}

func (g *generator) optionalBelow(owner, name string, t *ast.Type, defaults bool, path string, depth int) []string {
	def := g.schema.Types[t.Name()]
	if def.Kind == ast.InputObject && depth < 3 {
		var places []string
		for _, f := range def.Fields {
			places = append(places, g.optionalBelow(def.Name, f.Name, f.Type, f.DefaultValue != nil, path+"/"+def.Name+"."+f.Name, depth+1)...)
		}
		return places
	}
	if leads(name, t) && (!t.NonNull || defaults) && !slices.Contains(alwaysFilled, owner+"."+name) {
		return []string{path}
	}
	return nil
}

// operation calls a field with the arguments that are needed, and with the one at the
// path of more.
func (g *generator) operation(root *ast.Definition, field *ast.FieldDefinition, more string, kind proofback.Kind) generated {
	op := generated{field: root.Name + "." + field.Name + strings.TrimPrefix(more, root.Name+"."+field.Name), vars: vars{}}
	if kind != "" {
		op.field += " of a " + string(kind)
	}
	var declared, passed []string
	for _, a := range field.Arguments {
		path := root.Name + "." + field.Name + "." + a.Name
		v, ok := g.value(root.Name+"."+field.Name, a.Name, a.Type, a.DefaultValue != nil, path, more, kind)
		if !ok {
			continue
		}
		op.vars[a.Name] = v
		declared = append(declared, "$"+a.Name+": "+a.Type.String())
		passed = append(passed, a.Name+": $"+a.Name)
	}
	text := strings.ToLower(root.Name)
	if len(declared) > 0 {
		text += "(" + strings.Join(declared, ", ") + ")"
	}
	text += " { " + field.Name
	if len(passed) > 0 {
		text += "(" + strings.Join(passed, ", ") + ")"
	}
	if kind != "" {
		op.text = text + " { ... on " + string(kind) + g.widest(g.schema.Types[string(kind)], maxOfOne) + " } }"
		return op
	}
	op.text = text + g.widest(g.schema.Types[field.Type.Name()], maxGenerated) + " }"
	return op
}

// value fills an argument or input field; false where it is to be left out.
func (g *generator) value(owner, name string, t *ast.Type, defaults bool, path, more string, kind proofback.Kind) (any, bool) {
	place := owner + "." + name
	needed := t.NonNull && !defaults || slices.Contains(alwaysFilled, place) || name == "first" || more == path || strings.HasPrefix(more, path+"/")
	if !needed {
		return nil, false
	}
	if v, ok := g.input(place, name, ""); ok {
		return v, true
	}
	def := g.schema.Types[t.Name()]
	var v any
	switch {
	case def.Kind == ast.InputObject:
		object := vars{}
		for _, f := range def.Fields {
			if inner, ok := g.value(def.Name, f.Name, f.Type, f.DefaultValue != nil, path+"/"+def.Name+"."+f.Name, more, kind); ok {
				object[f.Name] = inner
			}
		}
		v = object
	case t.Name() == "ID":
		v = g.id(place, name, kind)
	case def.Kind == ast.Enum:
		v = def.EnumValues[0].Name
	default:
		var ok bool
		if v, ok = g.input(place, name, t.Name()); !ok {
			g.t.Errorf("%s: there is no value for a %s: add one to input", place, t.Name())
		}
	}
	if t.Elem != nil {
		if _, isList := v.([]string); !isList {
			v = []any{v}
		}
	}
	return v, true
}

// id is one of the tenant's that fits a place.
func (g *generator) id(place, name string, kind proofback.Kind) string {
	if kind == "" {
		kind = idKinds[place]
	}
	if kind == "" {
		base := strings.TrimSuffix(strings.TrimSuffix(name, "s"), "Id")
		kind = proofback.Kind(strings.ToUpper(base[:1]) + base[1:])
	}
	id, ok := g.about.ids[kind]
	if !ok {
		g.t.Errorf("%s: of what kind is this id? Add it to idKinds, and a row of that kind to tenant", place)
	}
	return id
}

// widest selects all fields of what a root field gives, as deep as the server answers.
func (g *generator) widest(def *ast.Definition, most int) string {
	for depth := 5; ; depth-- {
		seen := map[string]bool{}
		text, n := g.selection(def, depth, "", seen)
		if n <= most || depth == 1 {
			maps.Copy(g.selected, seen)
			return text
		}
	}
}

// selection selects every field of a type, and of what is in them down to a depth; it
// tells how many they are.
func (g *generator) selection(def *ast.Definition, depth int, alias string, seen map[string]bool) (string, int) {
	switch def.Kind {
	case ast.Interface, ast.Union:
		parts, n := []string{"__typename"}, 1
		for _, one := range g.schema.GetPossibleTypes(def) {
			text, m := g.selection(one, depth, one.Name+"_", seen)
			parts, n = append(parts, "... on "+one.Name+text), n+m
		}
		return " { " + strings.Join(parts, " ") + " }", n
	case ast.Object:
	default:
		return "", 0
	}
	parts, n := []string{"__typename"}, 1
	for _, f := range def.Fields {
		if strings.HasPrefix(f.Name, "__") {
			continue
		}
		if slices.ContainsFunc(f.Arguments, func(a *ast.ArgumentDefinition) bool { return a.Type.NonNull && a.DefaultValue == nil }) {
			g.t.Errorf("%s.%s: the generator fills no arguments but those of root fields", def.Name, f.Name)
			continue
		}
		of := g.schema.Types[f.Type.Name()]
		composite := of.Kind == ast.Object || of.Kind == ast.Interface || of.Kind == ast.Union
		if composite && depth == 0 {
			continue
		}
		text, m := g.selection(of, depth-1, "", seen)
		seen[def.Name+"."+f.Name] = true
		label := ""
		if alias != "" {
			label = alias + f.Name + ": "
		}
		parts, n = append(parts, label+f.Name+text), n+m+1
	}
	return " { " + strings.Join(parts, " ") + " }", n
}
