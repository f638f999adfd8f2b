package db_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proofback/proofback"
)

func TestReportsConvertAtTheRatesThatTheECBPublished(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	system := proofback.System()
	if _, err := m.store.LoadShippedRates(t.Context(), system); err != nil {
		t.Fatal(err)
	}
	// Of currencies of three and four decimals the ECB publishes nothing.
	if _, _, err := m.store.ImportRates(t.Context(), system, strings.NewReader("currency,date,per_euro\nBHD,2025-12-31,0.4429\nCLF,2025-12-31,0.02731\n")); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		what     string
		at       string
		sent     proofback.Money
		currency string
		want     proofback.Decimal // "" for one that waits
	}{
		{"a Sunday has Friday's", "2026-03-08", proofback.Money{Amount: "115.61", Currency: "USD"}, "EUR", "100.00"},
		{"1 January has the old year's", "2026-01-01", proofback.Money{Amount: "1", Currency: "EUR"}, "JPY", "184"},
		{"the next day has its own", "2026-01-02", proofback.Money{Amount: "1000", Currency: "EUR"}, "JPY", "183940"},
		{"a cross over the euro", "2026-01-01", proofback.Money{Amount: "18409", Currency: "JPY"}, "USD", "117.50"},
		{"three decimals", "2026-01-01", proofback.Money{Amount: "18409", Currency: "JPY"}, "BHD", "44.290"},
		{"from three decimals", "2026-01-01", proofback.Money{Amount: "44.290", Currency: "BHD"}, "EUR", "100.00"},
		{"four decimals", "2026-01-01", proofback.Money{Amount: "117.50", Currency: "USD"}, "CLF", "2.7310"},
		{"from four decimals", "2026-01-01", proofback.Money{Amount: "0.0273", Currency: "CLF"}, "EUR", "1.00"},
		{"ISK a week after the last", "2008-12-16", proofback.Money{Amount: "290", Currency: "ISK"}, "EUR", "1.00"},
		{"ISK the day after", "2008-12-17", proofback.Money{Amount: "290", Currency: "ISK"}, "EUR", ""},
		{"ISK in 2009", "2009-06-15", proofback.Money{Amount: "290", Currency: "ISK"}, "EUR", ""},
		{"into ISK in 2009", "2009-06-15", proofback.Money{Amount: "1", Currency: "EUR"}, "ISK", ""},
		{"ISK when it came back", "2018-02-01", proofback.Money{Amount: "0", Currency: "ISK"}, "EUR", "0.00"},
		{"the last day of HRK", "2022-12-30", proofback.Money{Amount: "75.37", Currency: "HRK"}, "EUR", "10.00"},
		{"HRK a week later", "2023-01-06", proofback.Money{Amount: "75.37", Currency: "HRK"}, "EUR", "10.00"},
		{"HRK no more", "2023-01-07", proofback.Money{Amount: "75.37", Currency: "HRK"}, "EUR", ""},
		{"RUB in 2023", "2023-05-02", proofback.Money{Amount: "117.20", Currency: "RUB"}, "EUR", ""},
		{"RUB until 2022", "2022-03-01", proofback.Money{Amount: "117.20", Currency: "RUB"}, "EUR", "1.00"},
		{"VND never", "2026-03-06", proofback.Money{Amount: "30000", Currency: "VND"}, "EUR", ""},
		{"but for itself", "2026-03-06", proofback.Money{Amount: "30000", Currency: "VND"}, "VND", "30000"},
	} {
		day, err := time.Parse(time.DateOnly, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		m.exec(`DELETE FROM conversions`)
		m.exec(`INSERT INTO conversions (id, advertiser_id, offer_id, goal_id, affiliate_id, click_id, terms_id, postback_id, event_type, txid,
				status, began, event_at, received_at, click_at, payout, payout_currency)
			VALUES ($1, $2, $3, $4, $5, $1, $1, $1, 'sale', 'T', 'APPROVED', 'APPROVED', $6, $6, $6, $7::text::numeric, $8)`,
			keyAt(day), m.advertisers[0], m.offers[0], m.goals[0], m.affiliates[0], day.Add(23*time.Hour), string(tt.sent.Amount), tt.sent.Currency)
		r, err := m.store.Report(t.Context(), m.affiliate, proofback.ReportInput{
			Range: proofback.TimeRange{From: day, To: day.AddDate(0, 0, 1)}, Zone: time.UTC, Currency: tt.currency, Limit: 1,
		})
		if err != nil {
			t.Fatalf("%s: %v", tt.what, err)
		}
		got := &r.Totals
		if tt.want != "" {
			if got.Payout != (proofback.Money{Amount: tt.want, Currency: tt.currency}) || got.Awaiting != 0 {
				t.Errorf("%s: %v, %d wait; want %s", tt.what, got.Payout, got.Awaiting, tt.want)
			}
			continue
		}
		waits := []proofback.AwaitingAmount{{Kind: proofback.MoneyPayout, Money: tt.sent}}
		if got.Awaiting != 1 || !cmp.Equal(got.AwaitingAmounts, waits) || got.Payout.Amount.Sign() != 0 {
			t.Errorf("%s: %v, %d wait: %v; want it to wait", tt.what, got.Payout, got.Awaiting, got.AwaitingAmounts)
		}
	}
}
