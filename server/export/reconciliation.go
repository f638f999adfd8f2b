package export

import (
	"context"
	"strconv"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

var itemColumns = []string{
	"kind", "line", "transaction_id", "conversion_id", "detail", "platform_amount", "platform_currency",
	"advertiser_amount", "advertiser_currency", "suggested_conversion_id", "their_line",
}

// reconciliation writes how each line and each conversion stands, differences first,
// and then the lines that could not be compared.
func (e *Exports) reconciliation(ctx context.Context, actor proofback.Actor, p *params, f *file) error {
	id := p.id(proofback.KindReconciliation, "id")
	kinds := someOf(p, "kinds", proofback.DifferenceKinds()...)
	if err := p.err(); err != nil {
		return err
	}
	for page := (proofback.Page{Limit: pageRows}); ; {
		w, err := e.Store.ReconciliationItems(ctx, actor, id, kinds, page)
		if err != nil {
			return err
		}
		if !f.begun {
			if err := f.begin("reconciliation.csv", itemColumns); err != nil {
				return err
			}
		}
		for _, item := range w.Items {
			if err := f.row(itemCells(item)); err != nil {
				return err
			}
			at := proofback.NumberCursor(item.N)
			page.After = &at
		}
		if err := f.flush(); err != nil {
			return err
		}
		if !w.HasMore {
			break
		}
	}
	if len(kinds) > 0 {
		return nil
	}
	return e.badLines(ctx, actor, id, f)
}

func (e *Exports) badLines(ctx context.Context, actor proofback.Actor, id uuid.UUID, f *file) error {
	for after := 0; ; {
		lines, err := e.Store.ReconciliationBadLines(ctx, actor, id, after, pageRows)
		if err != nil {
			return err
		}
		for _, l := range lines {
			if err := f.row([]string{"UNREADABLE", strconv.Itoa(l.Line), "", "", l.Problem, "", "", "", "", "", l.Raw}); err != nil {
				return err
			}
			after = l.Line
		}
		if err := f.flush(); err != nil || len(lines) < pageRows {
			return err
		}
	}
}

func itemCells(i *proofback.ListItem) []string {
	line := ""
	if i.Line > 0 {
		line = strconv.FormatInt(i.Line, 10)
	}
	return []string{
		string(i.Kind), line, i.TxID, globalID(proofback.KindConversion, i.ConversionID), i.Detail,
		string(i.Platform.Amount), i.Platform.Currency, string(i.Advertiser.Amount), i.Advertiser.Currency,
		globalID(proofback.KindConversion, i.SuggestedID), i.Raw,
	}
}
