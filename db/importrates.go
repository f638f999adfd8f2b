package db

import (
	"context"
	"encoding/csv"
	"errors"
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
	if stored, err = s.storeRates(ctx, r); err != nil {
		return 0, 0, domainError(errors.Join(r.err, err))
	}
	return stored, r.read, nil
}

// rateReader reads a file of rates line by line.
type rateReader struct {
	csv     *csv.Reader
	columns [4]int // of currency, date, per_euro and source; -1 for none
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
		return nil, "the currency is not an ISO 4217 code other than EUR"
	}
	day, err := time.Parse(time.DateOnly, cell(1))
	if err != nil {
		return nil, "the date is not a day such as 2026-03-01"
	}
	rate, ok := proofback.ParseDecimal(cell(2))
	if !ok || rate.Sign() <= 0 {
		return nil, "per_euro is not a positive decimal such as 1.0921"
	}
	source := sourceImport
	if r.columns[3] >= 0 {
		if source = cell(3); source == "" || len(source) > maxRateSource || !storable(source) {
			return nil, "the source is empty or too long"
		}
	}
	return []any{currency, day, string(rate), source}, ""
}

// Err is what went wrong while reading.
func (r *rateReader) Err() error { return r.err }
