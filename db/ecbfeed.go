package db

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"time"

	"github.com/proofback/proofback"
)

// ecbEnvelope is the ECB's feed of euro reference rates: a cube of days, each a
// cube of currencies. The daily, the 90-day and the historical feed are alike.
type ecbEnvelope struct {
	Days []struct {
		Day   string `xml:"time,attr"`
		Rates []struct {
			Currency string `xml:"currency,attr"`
			Rate     string `xml:"rate,attr"`
		} `xml:"Cube"`
	} `xml:"Cube>Cube"`
}

// ecbFeed gives the rates of a feed one by one.
type ecbFeed struct {
	rows [][]any
	at   int
}

func (f *ecbFeed) Next() bool             { f.at++; return f.at <= len(f.rows) }
func (f *ecbFeed) Values() ([]any, error) { return f.rows[f.at-1], nil }
func (f *ecbFeed) Err() error             { return nil }

// StoreECBFeed stores the rates of a feed in the ECB's XML format and gives how
// many were new. A feed with anything strange in it is refused as a whole.
func (s *Store) StoreECBFeed(ctx context.Context, actor proofback.Actor, feed io.Reader) (int64, error) {
	if err := actor.RequireStaff(); err != nil {
		return 0, err
	}
	var e ecbEnvelope
	if err := xml.NewDecoder(feed).Decode(&e); err != nil {
		return 0, proofback.Errorf(proofback.CodeInvalid, "the feed of rates is not the ECB's XML: %v", err)
	}
	f := &ecbFeed{}
	for _, d := range e.Days {
		day, err := time.Parse(time.DateOnly, d.Day)
		if err != nil {
			return 0, proofback.Errorf(proofback.CodeInvalid, "the feed of rates has the day %q: expected YYYY-MM-DD", d.Day)
		}
		for _, r := range d.Rates {
			rate, ok := proofback.ParseDecimal(r.Rate)
			_, known := proofback.CurrencyDigits(r.Currency)
			if !ok || rate.Sign() <= 0 || !known {
				return 0, proofback.Errorf(proofback.CodeInvalid, "the feed of rates has %q for %q on %s: expected a positive decimal and an ISO 4217 code", r.Rate, r.Currency, d.Day)
			}
			f.rows = append(f.rows, []any{r.Currency, day, r.Rate, SourceECB})
		}
	}
	if len(f.rows) == 0 {
		return 0, proofback.Errorf(proofback.CodeInvalid, "the feed of rates has none")
	}
	n, err := s.storeRates(ctx, f)
	if err != nil {
		return 0, fmt.Errorf("store rates: %w", domainError(err))
	}
	return n, nil
}
