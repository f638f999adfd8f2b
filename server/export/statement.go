package export

import (
	"context"
	_ "embed"
	"encoding/json"
	"html/template"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// statement finds the one that is asked for.
func (e *Exports) statement(ctx context.Context, actor proofback.Actor, p *params) (*proofback.Statement, error) {
	id := p.id(proofback.KindStatement, "id")
	if id == uuid.Nil && p.problems == nil {
		p.problems.Add([]string{"id"}, "say which statement: id")
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	found, err := e.Store.StatementsByID(ctx, actor, []uuid.UUID{id})
	if err == nil && found[id] == nil {
		err = proofback.NotFound("statement")
	}
	return found[id], err
}

// eachLine gives the lines of a statement, a page at a time.
func (e *Exports) eachLine(ctx context.Context, actor proofback.Actor, s *proofback.Statement, give func([]*proofback.StatementLine) error) error {
	for after, more := 0, true; more; {
		list, err := e.Store.StatementLines(ctx, actor, s.ID, after, pageRows)
		if err != nil {
			return err
		}
		if err := give(list); err != nil {
			return err
		}
		if more = len(list) == pageRows; more {
			after = list[len(list)-1].Number
		}
	}
	return nil
}

// statementCSV writes what a statement opens with and its lines: the sum of the
// amounts is its balance.
func (e *Exports) statementCSV(ctx context.Context, actor proofback.Actor, p *params, f *file) error {
	s, err := e.statement(ctx, actor, p)
	if err != nil {
		return err
	}
	if err = f.begin("statement-"+s.Month()+".csv", proofback.StatementColumns); err != nil {
		return err
	}
	if err := f.row([]string{"0", "OPENING", moment(s.From), "", "", "", "", "", "", "", string(s.Opening), s.Currency, "", ""}); err != nil {
		return err
	}
	return e.eachLine(ctx, actor, s, func(list []*proofback.StatementLine) error {
		for _, l := range list {
			err := f.row([]string{
				strconv.Itoa(l.Number), string(l.Kind), moment(l.At), globalID(proofback.KindConversion, l.ConversionID), l.TxID, l.EventType, moment(l.EventAt), l.Offer,
				string(l.Sent.Amount), l.Sent.Currency, string(l.Amount), s.Currency, l.Reason,
				globalID(proofback.KindAdjustment, l.AdjustmentID),
			})
			if err != nil {
				return err
			}
		}
		return f.flush()
	})
}

// statementProof writes the proof of a statement, which is checked without us.
func (e *Exports) statementProof(ctx context.Context, actor proofback.Actor, p *params, f *file) error {
	s, err := e.statement(ctx, actor, p)
	if err != nil {
		return err
	}
	proof, err := e.Store.StatementProof(ctx, actor, s.ID)
	if err != nil {
		return err
	}
	if proof == nil {
		return &proofback.Error{Code: proofback.CodeUnavailable, Message: "the statement is not sealed into the ledger yet, which takes seconds: ask again"}
	}
	f.w.Header().Set("Content-Disposition", `attachment; filename="statement-`+s.Month()+`-proof.json"`)
	return json.NewEncoder(f.open("application/json")).Encode(proof)
}

//go:embed statement.html
var statementHTML string

// statementTemplates are the page's parts: its head with the sums, lines, and its end.
var statementTemplates = template.Must(template.New("statement").Funcs(template.FuncMap{
	"day":  func(t time.Time) string { return t.UTC().Format(time.DateOnly) },
	"kind": func(k proofback.StatementLineKind) string { return lineKinds[k] },
}).Parse(statementHTML))

// lineKinds say what a line is in words.
var lineKinds = map[proofback.StatementLineKind]string{
	proofback.LineConversion: "Conversion",
	proofback.LineLate:       "Told late",
	proofback.LineApproval:   "Approved later",
	proofback.LineReversal:   "Reversed",
	proofback.LineCorrection: "Adjusted",
}

// statementPage writes a page to be printed. It holds no script, and nothing from
// elsewhere.
func (e *Exports) statementPage(ctx context.Context, actor proofback.Actor, p *params, f *file) error {
	s, err := e.statement(ctx, actor, p)
	if err != nil {
		return err
	}
	whose, err := e.Store.AffiliatesByID(ctx, actor, []uuid.UUID{s.AffiliateID})
	if err != nil {
		return err
	}
	f.w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	out := f.open("text/html; charset=utf-8")
	head := struct {
		*proofback.Statement
		Affiliate, ID string
		LastDay       time.Time
	}{s, "", proofback.GlobalID(proofback.KindStatement, s.ID), s.To.Add(-1)}
	if a := whose[s.AffiliateID]; a != nil {
		head.Affiliate = a.Name
	}
	if err := statementTemplates.ExecuteTemplate(out, "head", head); err != nil {
		return err
	}
	err = e.eachLine(ctx, actor, s, func(list []*proofback.StatementLine) error {
		if err := statementTemplates.ExecuteTemplate(out, "lines", list); err != nil {
			return err
		}
		return f.flush()
	})
	if err != nil {
		return err
	}
	return statementTemplates.ExecuteTemplate(out, "end", head)
}
