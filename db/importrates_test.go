package db_test

import (
	"strings"
	"testing"
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// onTenthOfMarch is a store whose today is then.
func onTenthOfMarch(t *testing.T) *db.Store {
	t.Helper()
	return dbtest.Open(t, func(c *db.Config) {
		c.Now = func() time.Time { return time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC) }
	})
}

func TestImportedRatesFillGapsAndChangeNothing(t *testing.T) {
	t.Parallel()
	store, system := onTenthOfMarch(t), proofback.System()
	load := func(file string) (stored, read int64) {
		t.Helper()
		stored, read, err := store.ImportRates(t.Context(), system, strings.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		return stored, read
	}
	if stored, read := load("\ufeffCurrency,Date,per_euro,Source\r\nVND,2026-03-02,26543.5,SBV\r\nISK,2026-03-02,140,CBI\r\n"); stored != 2 || read != 2 {
		t.Errorf("%d of %d were new", stored, read)
	}
	if stored, read := load("date,per_euro,currency\n2026-03-02,1,VND\n2026-03-03,26600,VND\n"); stored != 1 || read != 2 {
		t.Errorf("%d of %d were new", stored, read)
	}
	rates, err := store.ExchangeRates(t.Context(), system, time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), "EUR")
	if err != nil || len(rates) != 2 || rates[1].Rate != "26543.5" || rates[1].Source != "SBV" {
		t.Errorf("got %v, %v", rates, err)
	}
	rates, err = store.ExchangeRates(t.Context(), system, time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC), "VND")
	if err != nil || len(rates) != 2 || rates[0].Quote != "EUR" || rates[0].Rate != "0.00003759398496" || rates[0].Source != "IMPORT" {
		t.Errorf("got %v, %v", rates, err)
	}
}

// The shipped rates take another way into an empty table than into one that has some.
func TestShippedRatesAreTheSameBesideImportedOnes(t *testing.T) {
	t.Parallel()
	empty, imported, system := dbtest.Open(t), dbtest.Open(t), proofback.System()
	if _, _, err := imported.ImportRates(t.Context(), system, strings.NewReader("currency,date,per_euro\nUSD,1999-01-04,2\nVND,1999-01-04,16000\n")); err != nil {
		t.Fatal(err)
	}
	alone, err := empty.LoadShippedRates(t.Context(), system)
	if err != nil || alone < 200_000 {
		t.Fatalf("%d, %v", alone, err)
	}
	if beside, err := imported.LoadShippedRates(t.Context(), system); err != nil || beside != alone-1 {
		t.Errorf("%d beside imported ones, %d alone, %v", beside, alone, err)
	}
	for store, want := range map[*db.Store]string{empty: "1.1789", imported: "2"} {
		var usd, czk string
		if err := store.Pool().QueryRow(t.Context(), `
			SELECT max(per_euro) FILTER (WHERE currency = 'USD'), max(per_euro) FILTER (WHERE currency = 'CZK')
			FROM rates
			WHERE day = '1999-01-04'`).Scan(&usd, &czk); err != nil || usd != want || czk != "35.107" {
			t.Errorf("USD %s, CZK %s, %v; want %s", usd, czk, err, want)
		}
		if n, err := store.LoadShippedRates(t.Context(), system); err != nil || n != 0 {
			t.Errorf("once more: %d, %v", n, err)
		}
	}
}

func TestAFileOfRatesWithAnythingWrongIsStoredNotAtAll(t *testing.T) {
	t.Parallel()
	store := onTenthOfMarch(t)
	const good = "currency,date,per_euro\nVND,2026-03-01,26000\n"
	for file, says := range map[string]string{
		"":                              "currency,date,per_euro",
		"currency,day,per_euro\n":       "no column date",
		good + "VND,2026-03-02\n":       "no CSV",
		good + "VND,01.03.2026,1\n":     "line 3 of the file of rates: the date is \"01.03.2026\": expected a day such as",
		good + "VND,2026-03-12,26000\n": "expected a day that has come",
		good + "VND,2026-03-02,0\n":     "line 3 of the file of rates: per_euro",
		good + "VND,2026-03-02,1e3\n":   "per_euro",
		good + "EUR,2026-03-02,1\n":     "the currency",
		good + "DONG,2026-03-02,1\n":    "the currency",
		good + "VND,2026-03-01,26001\n": "two rates for VND on 2026-03-01",
	} {
		_, _, err := store.ImportRates(t.Context(), proofback.System(), strings.NewReader(file))
		if proofback.CodeOf(err) != proofback.CodeInvalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", file, err)
		}
		if err != nil && strings.Contains(err.Error(), "SQLSTATE") && !strings.Contains(says, "two rates") {
			t.Errorf("%q: what Postgres says hides what is wrong: %v", file, err)
		}
	}
	var n int
	if err := store.Pool().QueryRow(t.Context(), `SELECT count(*) FROM rates`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d were stored, %v", n, err)
	}
	if _, _, err := store.ImportRates(t.Context(), proofback.Actor{Role: proofback.RoleAffiliate}, strings.NewReader(good)); proofback.CodeOf(err) != proofback.CodeForbidden {
		t.Errorf("an affiliate: %v", err)
	}
}
