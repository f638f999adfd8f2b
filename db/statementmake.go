package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// statementBatch is how many affiliates one transaction makes statements for.
const statementBatch = 100

// MakeStatements makes the statements of the months that are closed, the oldest
// first, and tells how many. Each affiliate has one of each month, once, whoever is
// making them at the same time; when ctx ends, the next call goes on. A payout
// without a reference rate into the statement's currency makes its affiliate's wait,
// which is an error when all others have been made; later months wait with it, since
// balances are carried from one to the next. Only for Proofback itself.
func (s *Store) MakeStatements(ctx context.Context, actor proofback.Actor) (made int, err error) {
	if actor.Role != proofback.RoleSystem {
		return 0, errSystemOnly
	}
	for {
		period, err := s.nextToState(ctx)
		if err != nil || period == nil {
			return made, domainError(err)
		}
		var waiting []string
		for after, more := uuid.Nil, true; more; {
			m := &statementMaker{store: s, period: period}
			err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
				m.tx = tx
				return m.make(ctx, after)
			})
			if err != nil {
				return made, domainError(fmt.Errorf("make statements: %w", err))
			}
			made += len(m.made)
			waiting = append(waiting, m.waiting...)
			after, more = m.last, m.more
		}
		if len(waiting) > 0 {
			return made, proofback.Errorf(proofback.CodeConflict, "%d statements of %s wait for reference rates, the first for %s: import them (proofback rates import)", len(waiting), period.Month(), waiting[0])
		}
		if _, err := s.pool.Exec(ctx, `
			INSERT INTO statement_runs (period_id, done_at)
			VALUES ($1, $2)
			ON CONFLICT DO NOTHING`, period.ID, s.clock()); err != nil {
			return made, domainError(err)
		}
	}
}

// nextToState is the oldest closed month whose statements have not all been made; nil
// when there is none.
func (s *Store) nextToState(ctx context.Context) (*proofback.Period, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT id, starts, ends, NOT EXISTS (SELECT FROM periods AS before WHERE before.starts < p.starts)
		FROM periods AS p
		WHERE NOT EXISTS (SELECT FROM statement_runs AS r WHERE r.period_id = p.id)
		ORDER BY starts
		LIMIT 1`)
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*proofback.Period, error) {
		p := &proofback.Period{}
		err := row.Scan(&p.ID, &p.From, &p.To, &p.First)
		p.From, p.To = p.From.UTC(), p.To.UTC()
		return p, err
	})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list[0], nil
}

// statementMaker makes the statements of some affiliates, in one transaction.
type statementMaker struct {
	store  *Store
	tx     pgx.Tx
	period *proofback.Period

	made    []*proofback.Statement
	waiting []string // the payouts that cannot be told, one for each affiliate
	last    uuid.UUID
	more    bool
}

func (m *statementMaker) make(ctx context.Context, after uuid.UUID) error {
	// One at a time, so that two that meet do not both do the work.
	if _, err := m.tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('proofback.statements'))`); err != nil {
		return err
	}
	if err := m.begin(ctx, after); err != nil || len(m.made) == 0 {
		return err
	}
	if err := m.gather(ctx); err != nil {
		return err
	}
	if err := m.addUp(ctx); err != nil {
		return err
	}
	return m.write(ctx)
}

// begin finds the next affiliates, in what currency theirs is and what was carried.
// A balance is never changed into another currency: where one is carried, a new
// currency of the affiliate holds from the first statement without one.
func (m *statementMaker) begin(ctx context.Context, after uuid.UUID) error {
	rows, err := m.tx.Query(ctx, `
		SELECT a.id, stated.id IS NOT NULL,
			CASE WHEN before.carried <> 0 THEN before.currency ELSE a.currency END,
			coalesce(before.carried, 0)::text,
			coalesce(a.minimum_payout, default_minimum.value, 0)::text,
			CASE WHEN a.minimum_payout IS NULL THEN $4 ELSE a.currency END
		FROM affiliates AS a
		LEFT JOIN statements AS stated ON stated.affiliate_id = a.id AND stated.period_id = $2
		LEFT JOIN LATERAL (
			SELECT s.carried, s.currency
			FROM statements AS s
			JOIN periods AS p ON p.id = s.period_id
			WHERE s.affiliate_id = a.id
			ORDER BY p.starts DESC
			LIMIT 1
		) AS before ON true
		LEFT JOIN (SELECT value::numeric AS value FROM settings WHERE name = '`+minimumPayoutSetting+`') AS default_minimum ON true
		WHERE a.id > $1
		ORDER BY a.id
		LIMIT $3`, after, m.period.ID, statementBatch, m.store.currency)
	if err != nil {
		return err
	}
	var minimums []proofback.Money
	n := 0
	for rows.Next() {
		st := &proofback.Statement{PeriodID: m.period.ID, TimeRange: m.period.TimeRange}
		var stated bool
		var minimum proofback.Money
		if err := rows.Scan(&st.AffiliateID, &stated, &st.Currency, &st.Opening, &minimum.Amount, &minimum.Currency); err != nil {
			rows.Close()
			return err
		}
		n, m.last = n+1, st.AffiliateID
		if !stated {
			m.made, minimums = append(m.made, st), append(minimums, minimum)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	m.more = n == statementBatch
	return m.minimums(ctx, minimums)
}

// minimums tells what least amount is paid, in each statement's currency at the rates
// of the month's last day. Where one has no rate there is no minimum.
func (m *statementMaker) minimums(ctx context.Context, list []proofback.Money) error {
	day := proofback.RateDay(m.period.To.Add(-1))
	var wanted wantedRates
	for i, minimum := range list {
		wanted.add(minimum.Currency, day)
		wanted.add(m.made[i].Currency, day)
	}
	days := map[time.Time]proofback.Rates{}
	rows, err := m.tx.Query(ctx, ratesQuery, wanted.currencies, wanted.days, maxRateDays)
	if err != nil {
		return err
	}
	if err := scanRates(rows, days); err != nil {
		return err
	}
	for i, minimum := range list {
		if m.made[i].Minimum = "0"; minimum.Amount.Sign() > 0 {
			if told, _, ok := days[day].Convert(minimum, m.made[i].Currency); ok {
				m.made[i].Minimum = told.Amount
			}
		}
	}
	return nil
}

// addUp reads what the lines come to. Affiliates without any, and without a balance,
// have no statement.
func (m *statementMaker) addUp(ctx context.Context) error {
	rows, err := m.tx.Query(ctx, statementSums)
	if err != nil {
		return err
	}
	defer rows.Close()
	sums := map[uuid.UUID]*proofback.Statement{}
	for rows.Next() {
		st := &proofback.Statement{}
		var untold *string
		if err := rows.Scan(&st.AffiliateID, &st.Lines, &st.Earned, &st.Adjusted, &st.Digest, &untold); err != nil {
			return err
		}
		if sums[st.AffiliateID] = st; untold != nil {
			m.waiting, st.Lines = append(m.waiting, *untold), -1
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	list, now := m.made, m.store.clock()
	m.made = m.made[:0]
	for _, st := range list {
		sum := sums[st.AffiliateID]
		switch {
		case sum == nil && st.Opening.Sign() == 0:
			continue
		case sum == nil:
			sum = &proofback.Statement{Earned: "0", Adjusted: "0", Digest: emptyDigest}
		case sum.Lines < 0:
			continue
		}
		digits, _ := proofback.CurrencyDigits(st.Currency) // affiliates have no other
		st.ID, st.MadeAt = newID(), now
		st.Lines, st.Earned, st.Adjusted, st.Digest = sum.Lines, sum.Earned.Round(digits), sum.Adjusted.Round(digits), sum.Digest
		st.Opening = st.Opening.Round(digits)
		payable, carried := proofback.Settle(st.Balance(), st.Minimum)
		st.Payable, st.Carried = payable.Round(digits), carried.Round(digits)
		m.made = append(m.made, st)
	}
	return nil
}

// emptyDigest is that of no lines.
const emptyDigest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
