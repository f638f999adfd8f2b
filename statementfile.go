package proofback

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// StatementColumns are those of a statement as a CSV: first a row of the kind OPENING
// with what the statement opens with, then its lines. The amounts come to its balance.
var StatementColumns = []string{
	"number", "kind", "at", "conversion_id", "transaction_id", "event_type", "event_at", "offer",
	"sent", "sent_currency", "amount", "currency", "reason", "adjustment_id",
}

// statementOpening is the kind of the row that no line is.
const statementOpening = "OPENING"

// StatementFile is what the CSV of a statement comes to, worked out from nothing but the
// file.
type StatementFile struct {
	Currency string
	Opening  Decimal
	Earned   Decimal
	Adjusted Decimal
	Lines    int
	Digest   string // as Statement has it
}

// ReadStatementFile reads the CSV of a statement, of any length.
func ReadStatementFile(r io.Reader) (*StatementFile, error) {
	rows := csv.NewReader(r)
	rows.ReuseRecord = true
	header, err := rows.Read()
	if err != nil {
		return nil, fmt.Errorf("not the CSV of a statement: %w", err)
	}
	column := map[string]int{}
	for i, name := range header {
		column[strings.TrimPrefix(name, "\ufeff")] = i
	}
	for _, name := range []string{"number", "kind", "conversion_id", "amount", "currency", "adjustment_id"} {
		if _, ok := column[name]; !ok {
			return nil, fmt.Errorf("not the CSV of a statement as it is downloaded: there is no column %q", name)
		}
	}
	f := &StatementFile{Earned: "0", Adjusted: "0"}
	digest := sha256.New()
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = f.take(digest, func(name string) string { return row[column[name]] })
		}
		if err != nil {
			line, _ := rows.FieldPos(0)
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
	}
	if f.Opening == "" {
		return nil, errors.New("there is no row of the kind OPENING: it is not the whole statement")
	}
	f.Digest = hex.EncodeToString(digest.Sum(nil))
	return f, nil
}

// take reads a row.
func (f *StatementFile) take(digest io.Writer, cell func(name string) string) error {
	amount, ok := ParseDecimal(cell("amount"))
	if !ok {
		return fmt.Errorf("%.40q is not an amount", cell("amount"))
	}
	kind := StatementLineKind(cell("kind"))
	if f.Opening == "" {
		if kind != statementOpening {
			return errors.New("the first row is not of the kind OPENING")
		}
		f.Opening, f.Currency = amount, cell("currency")
		return nil
	}
	if cell("currency") != f.Currency {
		return fmt.Errorf("it is in %q, the statement in %q", cell("currency"), f.Currency)
	}
	if !slices.Contains(statementLineKinds, kind) {
		return fmt.Errorf("%.40q is no kind of line", cell("kind"))
	}
	l := StatementLine{Kind: kind, Amount: amount}
	var err error
	if l.Number, err = strconv.Atoi(cell("number")); err != nil {
		return fmt.Errorf("%.40q is not a number", cell("number"))
	}
	if l.ConversionID, err = ParseIDOf(KindConversion, cell("conversion_id")); err != nil {
		return fmt.Errorf("%.60q is not the id of a conversion", cell("conversion_id"))
	}
	if id := cell("adjustment_id"); id != "" {
		if l.AdjustmentID, err = ParseIDOf(KindAdjustment, id); err != nil {
			return fmt.Errorf("%.60q is not the id of an adjustment", id)
		}
	}
	if kind == LineConversion {
		f.Earned = f.Earned.Add(amount)
	} else {
		f.Adjusted = f.Adjusted.Add(amount)
	}
	f.Lines++
	if f.Lines > 1 {
		_, _ = io.WriteString(digest, "\n") // a hash takes all
	}
	_, _ = io.WriteString(digest, l.digested())
	return nil
}

// digested is what the digest of a statement is made of for a line (Statement.Digest).
func (l *StatementLine) digested() string {
	adjustment := ""
	if l.AdjustmentID != uuid.Nil {
		adjustment = l.AdjustmentID.String()
	}
	return fmt.Sprintf("%d %s %s %s %s", l.Number, l.Kind, l.ConversionID, adjustment, l.Amount.Canonical())
}

// Check holds the file against what a proof says of the statement. An error says what is
// different.
func (f *StatementFile) Check(statement Fact) error {
	for _, s := range [...]struct{ name, file string }{
		{"currency", f.Currency},
		{"lines", strconv.Itoa(f.Lines)},
		{"opening", f.Opening.Canonical()},
		{"earned", f.Earned.Canonical()},
		{"adjusted", f.Adjusted.Canonical()},
		{"digest", f.Digest},
	} {
		if sealed := statement["statement_"+s.name]; sealed != s.file {
			return fmt.Errorf("its %s is %q, the ledger has %q", s.name, s.file, sealed)
		}
	}
	return nil
}

// checkStatement makes sure that the facts of a statement's proof are about it: last the
// statement, before it the one whose rest it opens with, and that its month was closed;
// and that its sums come to what is paid and carried.
func (p *Proof) checkStatement(facts []Fact) error {
	last := facts[len(facts)-1]
	if last["kind"] != string(EntryStatement) || last["statement_id"] != p.Statement.String() {
		return fmt.Errorf("its last entry is not the statement %s", p.Statement)
	}
	carried, currency := "0", last["statement_currency"]
	for _, f := range facts[:len(facts)-1] {
		switch kind := EntryKind(f["kind"]); {
		case kind == EntryPeriod && f["period_id"] == last["period_id"]:
		case kind == EntryStatement && f["affiliate_id"] == last["affiliate_id"] && f["month"] < last["month"]:
			carried, currency = f["statement_carried"], f["statement_currency"]
		default:
			return fmt.Errorf("the %s at %s is neither the statement before nor the end of its month", kind, f["at"])
		}
	}
	value := func(name string) Decimal { return Decimal(last["statement_"+name]) }
	for _, name := range []string{"opening", "earned", "adjusted", "payable", "carried", "minimum"} {
		if _, ok := ParseDecimal(string(value(name))); !ok {
			return fmt.Errorf("what it says of %s is not shown", name)
		}
	}
	if opening := value("opening"); string(opening) != carried || opening.Sign() != 0 && currency != last["statement_currency"] {
		return fmt.Errorf("it opens with %s %s, and the statement before carried %s %s", opening, last["statement_currency"], carried, currency)
	}
	balance := value("opening").Add(value("earned")).Add(value("adjusted"))
	if payable, rest := Settle(balance, value("minimum")); !payable.Equal(value("payable")) || !rest.Equal(value("carried")) {
		return fmt.Errorf("%s are to be paid and %s carried, where it says %s and %s", payable.Canonical(), rest.Canonical(), value("payable"), value("carried"))
	}
	return nil
}
