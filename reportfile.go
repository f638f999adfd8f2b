package proofback

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"strings"
)

// ReportColumns names the columns of a report's file, in order.
func ReportColumns(by []Dimension) []string {
	var columns []string
	for _, d := range by {
		name := strings.ToLower(string(d))
		if columns = append(columns, name); d.IDKind() != "" {
			columns = append(columns, name+"_name")
		}
	}
	return append(columns,
		"clicks", "bot_clicks", "conversions", "pending", "approved", "rejected", "conversion_rate",
		"payout", "pending_payout", "revenue", "margin", "earnings_per_click", "currency", "awaiting_rate", "awaiting_amounts", "cursor")
}

// Cells are the row's values, one for each of ReportColumns. What may not be seen is
// empty.
func (r *ReportRow) Cells(currency string) []string {
	var cells []string
	for _, k := range r.Keys {
		if cells = append(cells, k.Value); k.Dimension.IDKind() != "" {
			cells = append(cells, k.Label)
		}
	}
	m := &r.Metrics
	for _, n := range [...]int64{m.Clicks, m.BotClicks, m.Conversions(), m.Pending, m.Approved, m.Rejected} {
		cells = append(cells, strconv.FormatInt(n, 10))
	}
	waiting := make([]string, len(m.AwaitingAmounts))
	for i, a := range m.AwaitingAmounts {
		waiting[i] = string(a.Kind) + " " + string(a.Money.Amount) + " " + a.Money.Currency
	}
	return append(cells, string(m.ConversionRate()),
		string(m.Payout.Amount), string(m.PendingPayout.Amount), string(m.Revenue.Amount), string(m.Margin.Amount),
		string(m.EarningsPerClick().Amount), currency,
		strconv.FormatInt(m.Awaiting, 10), strings.Join(waiting, "; "), r.Cursor)
}

// countColumns are those whose values are whole numbers.
var countColumns = map[string]bool{
	"clicks": true, "bot_clicks": true, "conversions": true, "pending": true, "approved": true, "rejected": true, "awaiting_rate": true,
}

// HarmlessCell keeps spreadsheets from taking a visitor's text for a formula: an
// apostrophe in front makes it text. Numbers stay as they are.
func HarmlessCell(cell string) string {
	if cell == "" || !strings.ContainsAny(cell[:1], "=+-@\t\r\n") && !strings.HasPrefix(cell, "＝") &&
		!strings.HasPrefix(cell, "＋") && !strings.HasPrefix(cell, "－") && !strings.HasPrefix(cell, "＠") {
		return cell
	}
	if _, isNumber := ParseDecimal(cell); isNumber {
		return cell
	}
	return "'" + cell
}

// ReportWriter writes rows of a report as a file: CSV as RFC 4180 has it with a header,
// or a JSON object on each line, in which counts are numbers, amounts are texts, since
// they are exact, and what is empty in CSV is null.
type ReportWriter struct {
	columns  []string
	currency string
	csv      *csv.Writer
	json     *json.Encoder
	Rows     int64 // written so far
}

// NewReportWriter begins a file.
func NewReportWriter(to io.Writer, format ReportFormat, by []Dimension, currency string) (*ReportWriter, error) {
	w := &ReportWriter{columns: ReportColumns(by), currency: currency}
	// A cursor leads on in an export that broke off; a file is whole.
	w.columns = w.columns[:len(w.columns)-1]
	if format == ReportJSONLines {
		w.json = json.NewEncoder(to)
		w.json.SetEscapeHTML(false)
		return w, nil
	}
	w.csv = csv.NewWriter(to)
	w.csv.UseCRLF = true // RFC 4180, section 2
	return w, w.csv.Write(w.columns)
}

// Write adds rows.
func (w *ReportWriter) Write(rows []ReportRow) error {
	for i := range rows {
		if err := w.row(rows[i].Cells(w.currency)[:len(w.columns)]); err != nil {
			return err
		}
	}
	w.Rows += int64(len(rows))
	return w.Flush()
}

// Flush writes what has gathered.
func (w *ReportWriter) Flush() error {
	if w.csv == nil {
		return nil
	}
	w.csv.Flush()
	return w.csv.Error()
}

func (w *ReportWriter) row(cells []string) error {
	if w.json == nil {
		for i, c := range cells {
			cells[i] = HarmlessCell(c)
		}
		return w.csv.Write(cells)
	}
	values := make(map[string]any, len(cells))
	for i, c := range cells {
		switch name := w.columns[i]; {
		case countColumns[name]:
			values[name] = json.Number(c)
		case c == "":
			values[name] = nil
		default:
			values[name] = c
		}
	}
	return w.json.Encode(values)
}
