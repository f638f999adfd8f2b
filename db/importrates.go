package db

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/proofback/proofback"
)

// sourceImport is the source of imported rates that do not tell theirs.
const sourceImport = "IMPORT"

// maxRateSource is the longest name of a source, in bytes.
const maxRateSource = 100

// ImportRates stores the rates of a CSV file whose first line names its columns:
// currency, date and per_euro (units for one euro), and source where there is one.
// The file is stored as a whole or, when anything in it is wrong, not at all. It
// gives how many rates were new, and how many the file has; what is there already
// stays as it is. Staff.
func (s *Store) ImportRates(ctx context.Context, actor proofback.Actor, file io.Reader) (stored, read int64, err error) {
	if err := actor.RequireStaff(); err != nil {
		return 0, 0, err
	}
	r, err := newRateReader(file)
	if err != nil {
		return 0, 0, err
	}
	// A day that has not come has no rate; where it is the first somewhere, it is tomorrow here.
	r.last = proofback.RateDay(s.now()).AddDate(0, 0, 1)
	stored, err = s.storeRates(ctx, r)
	switch {
	case r.err != nil:
		return 0, 0, r.err // what Postgres says of it is only that the file broke off
	case err != nil:
		return 0, 0, domainError(err)
	}
	return stored, r.read, nil
}

// rateReader reads a file of rates line by line.
type rateReader struct {
	csv     *csv.Reader
	columns [4]int    // of currency, date, per_euro and source; -1 for none
	last    time.Time // the last day that there may be a rate of
	record  []string
	read    int64
	err     error
}

var rateColumns = [4]string{"currency", "date", "per_euro", "source"}

func newRateReader(file io.Reader) (*rateReader, error) {
	r := &rateReader{csv: csv.NewReader(file)}
	r.csv.ReuseRecord = true
	r.csv.TrimLeadingSpace = true
	head, err := r.csv.Read()
	if err != nil {
		return nil, proofback.Errorf(proofback.CodeInvalid, "the file of rates cannot be read: expected CSV whose first line is currency,date,per_euro or currency,date,per_euro,source")
	}
	head = slices.Clone(head)
	for i := range head {
		head[i] = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(head[i], "\ufeff")))
	}
	for i, name := range rateColumns {
		r.columns[i] = slices.Index(head, name)
		if r.columns[i] < 0 && name != "source" {
			return nil, proofback.Errorf(proofback.CodeInvalid, "the file of rates has no column %s: expected a first line such as currency,date,per_euro,source", name)
		}
	}
	return r, nil
}

// Next goes to the next line.
func (r *rateReader) Next() bool {
	if r.err != nil {
		return false
	}
	record, err := r.csv.Read()
	switch {
	case errors.Is(err, io.EOF):
		return false
	case err != nil:
		r.err = proofback.Errorf(proofback.CodeInvalid, "the file of rates is no CSV: %v", err)
		return false
	}
	r.record = record
	r.read++
	return true
}

// Values gives currency, day, units for one euro and source.
func (r *rateReader) Values() ([]any, error) {
	values, problem := r.values()
	if problem != "" {
		line, _ := r.csv.FieldPos(0)
		r.err = proofback.Errorf(proofback.CodeInvalid, "line %d of the file of rates: %s", line, problem)
	}
	return values, r.err
}

func (r *rateReader) values() (values []any, problem string) {
	cell := func(i int) string { return strings.TrimSpace(r.record[r.columns[i]]) }
	currency := cell(0)
	if _, ok := proofback.CurrencyDigits(currency); !ok || currency == "EUR" {
		return nil, seen("the currency", currency, "an ISO 4217 code other than EUR, such as USD")
	}
	day, err := time.Parse(time.DateOnly, cell(1))
	if err != nil {
		return nil, seen("the date", cell(1), "a day such as 2026-03-01")
	}
	if day.After(r.last) {
		return nil, seen("the date", cell(1), "a day that has come: a rate that is stored is not changed any more")
	}
	rate, ok := proofback.ParseDecimal(cell(2))
	if !ok || rate.Sign() <= 0 {
		return nil, seen("per_euro", cell(2), "a positive decimal such as 1.0921")
	}
	source := sourceImport
	if r.columns[3] >= 0 {
		if source = cell(3); source == "" || len(source) > maxRateSource || !storable(source) {
			return nil, seen("the source", source, "the name of one, of at most 100 bytes")
		}
	}
	return []any{currency, day, string(rate), source}, ""
}

// seen says what was found in a cell, and what was expected.
func seen(what, found, expected string) string {
	return fmt.Sprintf("%s is %.40q: expected %s", what, found, expected)
}

// Err is what went wrong while reading.
func (r *rateReader) Err() error { return r.err }
