package db

import (
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// ecbRates is the ECB's file of euro reference rates since 1999, as published
// (a row a day, a column a currency, N/A where there was none).
//
//go:embed rates/ecb.csv.gz
var ecbRates []byte

// SourceECB is the source of the European Central Bank's reference rates.
const SourceECB = "ECB"

// LoadShippedRates stores the reference rates that came with the program, if
// they are not there yet, and gives how many were new.
func (s *Store) LoadShippedRates(ctx context.Context, actor proofback.Actor) (int64, error) {
	if err := actor.RequireStaff(); err != nil {
		return 0, err
	}
	z, err := gzip.NewReader(bytes.NewReader(ecbRates))
	if err != nil {
		return 0, proofback.Internal("open the shipped rates", err)
	}
	rates, err := newECBReader(z)
	if err != nil {
		return 0, proofback.Internal("read the shipped rates", err)
	}
	newest, err := rates.peek()
	if err != nil {
		return 0, proofback.Internal("read the shipped rates", err)
	}
	var there bool
	err = s.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM rates WHERE day = $1 AND source = $2)`, newest, SourceECB).Scan(&there)
	if err != nil || there {
		return 0, domainError(err)
	}
	n, err := s.storeFirstRates(ctx, rates)
	if err == nil && n == 0 {
		n, err = s.storeRates(ctx, rates)
	}
	return n, domainError(err)
}

// storeFirstRates COPYs rates straight to their place where there are none at all:
// a program that is started for the first time waits for them. It reads nothing and
// gives 0 where there are some.
func (s *Store) storeFirstRates(ctx context.Context, rates pgx.CopyFromSource) (stored int64, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `LOCK TABLE rates IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		var some bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM rates)`).Scan(&some); err != nil || some {
			return err
		}
		stored, err = tx.CopyFrom(ctx, pgx.Identifier{"rates"}, ratesColumns, rates)
		return err
	})
	return stored, err
}

// ratesColumns are those of rates, in the order in which readers give them.
var ratesColumns = []string{"currency", "day", "per_euro", "source"}

// storeRates COPYs rates (currency, day, units for one euro, source), and leaves
// alone what is known already: what was published first stays. Rates that
// contradict each other are refused, all of them.
//
// A day of a closed month that was told at the rate of a day before it is told so for
// ever: reports and statements of that month would else come to another sum, and what is
// reversed would be more or less than what was put in. What had no rate gets one.
func (s *Store) storeRates(ctx context.Context, rates pgx.CopyFromSource) (stored int64, err error) {
	var late int64
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `CREATE TEMPORARY TABLE new_rates (currency text, day date, per_euro text, source text) ON COMMIT DROP`)
		if err != nil {
			return err
		}
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{"new_rates"}, ratesColumns, rates); err != nil {
			return err
		}
		var contradiction string
		err = tx.QueryRow(ctx, `
			SELECT currency || ' on ' || day
			FROM new_rates
			GROUP BY currency, day
			HAVING min(per_euro::numeric) < max(per_euro::numeric)
			LIMIT 1`).Scan(&contradiction)
		if err == nil {
			return proofback.Errorf(proofback.CodeInvalid, "there are two rates for %s: expected one", contradiction)
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		// Only now: they come as slowly as whoever sends them, and who waits to close a month,
		// or for a new counter, waits for all who hold the books.
		books, err := scanBooks(tx.QueryRow(ctx, holdBooks))
		if err != nil {
			return err
		}
		return tx.QueryRow(ctx, `
			WITH unknown AS (
				SELECT *, day < $1::timestamptz::date AND EXISTS (
						SELECT
						FROM rates AS r
						WHERE r.currency = n.currency
						AND r.day BETWEEN n.day - $2::integer AND n.day
					) AS late
				FROM new_rates AS n
				WHERE NOT EXISTS (SELECT FROM rates AS r WHERE r.currency = n.currency AND r.day = n.day)
			), stored AS (
				INSERT INTO rates (currency, day, per_euro, source)
				SELECT currency, day, per_euro::numeric, source
				FROM unknown
				WHERE NOT late
				ON CONFLICT DO NOTHING
				RETURNING day
			)
			SELECT (SELECT count(*) FROM stored), (SELECT count(*) FROM unknown WHERE late)`,
			books.ClosedTo, maxRateDays).Scan(&stored, &late)
	})
	if err == nil && late > 0 {
		s.log.WarnContext(ctx, "rates came too late: months are closed that were told at those of days before, and stay so", "rates", late)
	}
	return stored, err
}

// ecbReader reads the ECB's historical CSV, newest day first, as rows of rates.
type ecbReader struct {
	csv        *csv.Reader
	currencies []string
	day        time.Time
	record     []string
	column     int
	err        error
}

func newECBReader(r io.Reader) (*ecbReader, error) {
	c := csv.NewReader(r)
	c.ReuseRecord = true
	c.FieldsPerRecord = -1 // the published file ends its lines in a comma, some copies do not
	head, err := c.Read()
	if err != nil {
		return nil, err
	}
	if len(head) < 2 || head[0] != "Date" {
		return nil, errors.New("this is not the ECB's file: its first line must begin with Date")
	}
	return &ecbReader{csv: c, currencies: append([]string(nil), head...)}, nil
}

// peek reads the first day without using it up.
func (r *ecbReader) peek() (time.Time, error) {
	if !r.nextDay() {
		return time.Time{}, errors.Join(r.err, errors.New("the file has no rates"))
	}
	return r.day, nil
}

func (r *ecbReader) nextDay() bool {
	record, err := r.csv.Read()
	if errors.Is(err, io.EOF) {
		return false
	}
	if err != nil {
		r.err = err
		return false
	}
	r.day, r.err = time.Parse(time.DateOnly, record[0])
	r.record, r.column = record, 0
	return r.err == nil
}

// Next goes to the next rate that was published.
func (r *ecbReader) Next() bool {
	for r.err == nil {
		r.column++
		if r.column >= len(r.record) {
			if !r.nextDay() {
				return false
			}
			continue
		}
		if v := r.record[r.column]; v != "" && v != "N/A" {
			return true
		}
	}
	return false
}

// Values gives currency, day, units for one euro and source.
func (r *ecbReader) Values() ([]any, error) {
	value := r.record[r.column]
	if _, ok := proofback.ParseDecimal(value); !ok || r.column >= len(r.currencies) {
		return nil, fmt.Errorf("%s: %q is not a rate", r.day.Format(time.DateOnly), value)
	}
	return []any{r.currencies[r.column], r.day, value, SourceECB}, nil
}

// Err is what went wrong while reading.
func (r *ecbReader) Err() error { return r.err }

// ratesQuery brings, for each currency and day asked for, the last rate
// published on or before the day, unless it is too old.
const ratesQuery = `
	SELECT want.currency, want.day, r.day, r.per_euro::text, r.source
	FROM unnest($1::text[], $2::timestamptz[]::date[]) AS want (currency, day)
	CROSS JOIN LATERAL (` + rateInForce + `) AS r`

const rateInForce = `
		SELECT day, per_euro, source
		FROM rates
		WHERE currency = want.currency
		AND day BETWEEN want.day - $3::int AND want.day
		ORDER BY day DESC
		LIMIT 1`

// maxRateDays is proofback.MaxRateAge in days.
const maxRateDays = int32(proofback.MaxRateAge / (24 * time.Hour))

// wantedRates gathers the currencies and days that a batch needs rates for.
type wantedRates struct {
	currencies []string
	days       []time.Time
	seen       map[wantedRate]bool
}

type wantedRate struct {
	currency string
	day      time.Time
}

func (w *wantedRates) add(currency string, day time.Time) {
	k := wantedRate{currency, day}
	if currency == "" || w.seen[k] {
		return
	}
	if w.seen == nil {
		w.seen = map[wantedRate]bool{}
	}
	w.seen[k] = true
	w.currencies, w.days = append(w.currencies, currency), append(w.days, day)
}

// at is what was added as the i-th.
func (w *wantedRates) at(i int) wantedRate { return wantedRate{w.currencies[i], w.days[i]} }

// covers reports whether everything in other was added to w as well.
func (w *wantedRates) covers(other *wantedRates) bool {
	for k := range other.seen {
		if !w.seen[k] {
			return false
		}
	}
	return true
}

// scanRates fills days from the rows of ratesQuery.
func scanRates(rows pgx.Rows, days map[time.Time]proofback.Rates) error {
	for rows.Next() {
		var currency string
		var want time.Time
		var rate proofback.Rate
		if err := rows.Scan(&currency, &want, &rate.Day, &rate.PerEuro, &rate.Source); err != nil {
			return err
		}
		if days[want] == nil {
			days[want] = proofback.Rates{}
		}
		days[want][currency] = rate
	}
	return rows.Err()
}
