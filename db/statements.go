package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// statementRow is a row of statements.
type statementRow struct {
	bun.BaseModel `bun:"table:statements,alias:statement"`

	ID          uuid.UUID         `bun:"id,pk"`
	PeriodID    uuid.UUID         `bun:"period_id"`
	AffiliateID uuid.UUID         `bun:"affiliate_id"`
	Currency    string            `bun:"currency"`
	Opening     proofback.Decimal `bun:"opening"`
	Earned      proofback.Decimal `bun:"earned"`
	Adjusted    proofback.Decimal `bun:"adjusted"`
	Payable     proofback.Decimal `bun:"payable"`
	Carried     proofback.Decimal `bun:"carried"`
	Minimum     proofback.Decimal `bun:"minimum"`
	Lines       int               `bun:"lines"`
	Digest      string            `bun:"digest"`
	MadeAt      time.Time         `bun:"made_at"`

	Starts time.Time `bun:"starts,scanonly"`
	Ends   time.Time `bun:"ends,scanonly"`
}

func (r *statementRow) value() *proofback.Statement {
	return &proofback.Statement{
		ID:          r.ID,
		PeriodID:    r.PeriodID,
		AffiliateID: r.AffiliateID,
		TimeRange:   proofback.TimeRange{From: r.Starts.UTC(), To: r.Ends.UTC()},
		Currency:    r.Currency,
		Opening:     r.Opening,
		Earned:      r.Earned,
		Adjusted:    r.Adjusted,
		Payable:     r.Payable,
		Carried:     r.Carried,
		Minimum:     r.Minimum,
		Lines:       r.Lines,
		Digest:      r.Digest,
		MadeAt:      r.MadeAt.UTC(),
	}
}

// selectStatements begins a query for the statements that the actor may see: all to
// staff, its own to an affiliate, none to advertisers.
func selectStatements(tx *tx, rows *[]statementRow) *bun.SelectQuery {
	q := tx.NewSelect().
		Model(rows).
		ColumnExpr("?TableColumns").
		ColumnExpr("period.starts, period.ends").
		Join("JOIN periods AS period ON period.id = statement.period_id")
	return notAdvertisers(q, tx.actor, "statement")
}

// Statements lists statements, the newest first: all to staff, its own to an
// affiliate, none to advertisers.
func (s *Store) Statements(ctx context.Context, actor proofback.Actor, f proofback.StatementFilter, p proofback.Page) (proofback.Window[*proofback.Statement], error) {
	var w proofback.Window[*proofback.Statement]
	if err := actor.RequireSignedIn(); err != nil {
		return w, err
	}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []statementRow
		q := selectStatements(tx, &rows)
		if f.AffiliateID != uuid.Nil {
			q.Where("statement.affiliate_id = ?", f.AffiliateID)
		}
		if f.PeriodID != uuid.Nil {
			q.Where("statement.period_id = ?", f.PeriodID)
		}
		err := pageByID(q, "statement.id", p).Scan(ctx)
		w = window(p, rows, (*statementRow).value)
		return err
	})
	return w, err
}

// StatementsByID gives those of ids that the actor may see.
func (s *Store) StatementsByID(ctx context.Context, actor proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.Statement, error) {
	return byID(ctx, s, actor, ids,
		func(tx *tx, rows *[]statementRow) *bun.SelectQuery { return selectStatements(tx, rows) },
		func(r *statementRow) (uuid.UUID, *proofback.Statement) { return r.ID, r.value() })
}

// statementLineRow is a row of statement_lines.
type statementLineRow struct {
	bun.BaseModel `bun:"table:statement_lines,alias:line"`

	StatementID  uuid.UUID                   `bun:"statement_id,pk"`
	Number       int                         `bun:"number,pk"`
	Kind         proofback.StatementLineKind `bun:"kind"`
	ConversionID uuid.UUID                   `bun:"conversion_id"`
	AdjustmentID uuid.UUID                   `bun:"adjustment_id,nullzero"`
	At           time.Time                   `bun:"at"`
	Sent         proofback.Decimal           `bun:"sent"`
	SentCurrency string                      `bun:"sent_currency"`
	Amount       proofback.Decimal           `bun:"amount"`

	TxID      string    `bun:"txid,scanonly"`
	EventType string    `bun:"event_type,scanonly"`
	EventAt   time.Time `bun:"event_at,scanonly"`
	Offer     string    `bun:"offer,scanonly"`
	Reason    string    `bun:"reason,scanonly"`
}

func (r *statementLineRow) value() *proofback.StatementLine {
	return &proofback.StatementLine{
		StatementID:  r.StatementID,
		Number:       r.Number,
		Kind:         r.Kind,
		ConversionID: r.ConversionID,
		AdjustmentID: r.AdjustmentID,
		At:           r.At.UTC(),
		Sent:         proofback.Money{Amount: r.Sent, Currency: r.SentCurrency},
		Amount:       r.Amount,
		TxID:         r.TxID,
		EventType:    r.EventType,
		EventAt:      r.EventAt.UTC(),
		Offer:        r.Offer,
		Reason:       r.Reason,
	}
}

// StatementLines gives the lines of a statement after one of them (0: from the
// first), in their order: at most so many. There are none of a statement that the
// actor may not see.
func (s *Store) StatementLines(ctx context.Context, actor proofback.Actor, statement uuid.UUID, after, limit int) ([]*proofback.StatementLine, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	var list []*proofback.StatementLine
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []statementLineRow
		q := tx.NewSelect().
			Model(&rows).
			ColumnExpr("?TableColumns").
			ColumnExpr("conversion.txid, conversion.event_type, conversion.event_at").
			ColumnExpr("(SELECT name FROM offers WHERE id = conversion.offer_id) AS offer").
			ColumnExpr("(SELECT reason FROM adjustments WHERE id = line.adjustment_id) AS reason").
			Join("LEFT JOIN conversions AS conversion ON conversion.id = line.conversion_id").
			Where("line.statement_id = ?", statement).
			Where("line.number > ?", after).
			OrderExpr("line.number").
			Limit(int64(limit))
		err := notAdvertisers(q, actor, "line").Scan(ctx)
		list = make([]*proofback.StatementLine, len(rows))
		for i := range rows {
			list[i] = rows[i].value()
		}
		return err
	})
	return list, err
}

// minimumPayoutSetting names the network's default in the table of settings.
const minimumPayoutSetting = "minimum_payout"

// DefaultMinimumPayout is the least that is paid to an affiliate that has no minimum
// of its own, in the network's currency: nought until it is set. Advertisers are not
// told.
func (s *Store) DefaultMinimumPayout(ctx context.Context, actor proofback.Actor) (proofback.Money, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return proofback.Money{}, err
	}
	if !actor.SeesPayout() {
		return proofback.Money{}, nil
	}
	m := proofback.Money{Currency: s.currency}
	err := s.pool.QueryRow(ctx, `SELECT coalesce((SELECT value FROM settings WHERE name = $1), '0')`, minimumPayoutSetting).Scan(&m.Amount)
	return m.Round(), domainError(err)
}

// SetMinimumPayout says what least amount is paid from the next statement on: to an
// affiliate, in its currency, or with uuid.Nil to all that have none of their own, in
// the network's. "" takes an affiliate's own away.
func (s *Store) SetMinimumPayout(ctx context.Context, actor proofback.Actor, affiliate uuid.UUID, amount proofback.Decimal) error {
	if err := actor.RequireStaff(); err != nil {
		return err
	}
	if affiliate == uuid.Nil && amount == "" {
		amount = "0"
	}
	return s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		currency, before, err := tx.minimumPayout(ctx, s.currency, affiliate)
		if err != nil {
			return err
		}
		if m := (proofback.Money{Amount: amount, Currency: currency}); amount != "" && (amount.Sign() < 0 || !m.Round().Equal(m)) {
			return proofback.Invalid([]string{"amount"}, "expected an amount of %s that is not negative, in its minor units", currency)
		}
		tx.changed(proofback.KindAffiliate, affiliate, map[string]string{"minimum_payout": before}, map[string]string{"minimum_payout": string(amount)})
		if affiliate == uuid.Nil {
			_, err = tx.NewRaw(`
				INSERT INTO settings (name, value)
				VALUES (?, ?)
				ON CONFLICT (name) DO UPDATE SET value = excluded.value`, minimumPayoutSetting, string(amount)).Exec(ctx)
		} else {
			_, err = tx.NewRaw(`UPDATE affiliates SET minimum_payout = ? WHERE id = ?`, orNull(string(amount)), affiliate).Exec(ctx)
		}
		return err
	})
}

// minimumPayout gives what the least that is paid to an affiliate, or to those without
// a minimum of their own, is given in, and what it is before it changes.
func (t *tx) minimumPayout(ctx context.Context, network string, affiliate uuid.UUID) (currency, amount string, err error) {
	currency = network
	if affiliate == uuid.Nil {
		err = t.NewSelect().
			ColumnExpr("coalesce((SELECT value FROM settings WHERE name = ?), '')", minimumPayoutSetting).
			Scan(ctx, &amount)
		return currency, amount, err
	}
	err = t.NewSelect().
		Table("affiliates").
		ColumnExpr("currency, coalesce(minimum_payout::text, '')").
		Where("id = ?", affiliate).
		For("UPDATE").
		Scan(ctx, &currency, &amount)
	return currency, amount, missing(err, "affiliate", "affiliateId")
}
