package export

import (
	"context"
	"strconv"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// reconciliation writes how each line and each conversion stands, differences first,
// and then the lines that could not be compared.
func (e *Exports) reconciliation(ctx context.Context, actor proofback.Actor, p *params, f *file) error {
	id := p.id(proofback.KindReconciliation, "id")
	kinds := someOf(p, "kinds", proofback.DifferenceKinds()...)
	if err := p.err(); err != nil {
		return err
	}
	begin := func() error {
		if f.begun {
			return nil
		}
		return f.begin("reconciliation.csv", []string{
			"kind", "line", "transaction_id", "conversion_id", "detail", "platform_amount", "platform_currency",
			"advertiser_amount", "advertiser_currency", "suggested_conversion_id", "their_line",
		})
	}
	for after := int64(0); ; {
		items, err := e.Store.ReconciliationItems(ctx, actor, id, kinds, after, pageRows)
		if err != nil {
			return err
		}
		if err := begin(); err != nil {
			return err
		}
		for _, item := range items {
			if err := f.row(itemCells(item)); err != nil {
				return err
			}
			after = item.N
		}
		if err := f.flush(); err != nil {
			return err
		}
		if len(items) < pageRows {
			break
		}
	}
	if len(kinds) > 0 {
		return nil
	}
	return e.badLines(ctx, actor, id, f)
}

func (e *Exports) badLines(ctx context.Context, actor proofback.Actor, id uuid.UUID, f *file) error {
	for after := int64(0); ; {
		lines, err := e.Store.ReconciliationBadLines(ctx, actor, id, after, pageRows)
		if err != nil {
			return err
		}
		for _, l := range lines {
			if err := f.row([]string{"UNREADABLE", strconv.FormatInt(l.Line, 10), "", "", l.Problem, "", "", "", "", "", l.Raw}); err != nil {
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
