package db_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
	"pgregory.net/rapid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// Amounts go to Postgres in its own format: it must read what was written, to the last
// place after the point.
func TestNumbersOfAnySizeArriveAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	conn, err := dbtest.Open(t).Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	read := func(d string) string {
		value := db.AppendDecimal(nil, proofback.Decimal(d))[4:]
		r := conn.Conn().PgConn().ExecParams(t.Context(), `SELECT $1::numeric::text`, [][]byte{value}, []uint32{pgtype.NumericOID}, []int16{1}, nil).Read()
		if r.Err != nil {
			return r.Err.Error()
		}
		return string(r.Rows[0][0])
	}
	want := func(d string) string {
		digits, negative := strings.CutPrefix(d, "-")
		whole, frac, point := strings.Cut(digits, ".")
		if whole = strings.TrimLeft(whole, "0"); whole == "" {
			whole = "0"
		}
		if point {
			whole += "." + frac
		}
		if negative && strings.Trim(whole, "0.") != "" {
			return "-" + whole
		}
		return whole
	}
	for _, d := range []string{
		"0", "-0", "0.00", "-0.0000", "000.10", "10000", "9999.9999", "-999999999999.999999999999",
		"1" + strings.Repeat("0", 60), "0." + strings.Repeat("0", 60) + "1", strings.Repeat("9", 70) + "." + strings.Repeat("9", 70),
	} {
		if got := read(d); got != want(d) {
			t.Errorf("%s arrives as %s", d, got)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		d := rapid.StringMatching(`-?[0-9]{1,30}(\.[0-9]{1,30})?`).Draw(rt, "number")
		if got := read(d); got != want(d) {
			rt.Errorf("%s arrives as %s", d, got)
		}
	})
}
