package proofback

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// ListFormat is how a list is written.
type ListFormat string

const (
	// ListCSV has a header, and values separated by commas, semicolons, tabs or
	// bars, quoted as in RFC 4180.
	ListCSV ListFormat = "CSV"
	// ListJSONLines has a JSON object of strings and numbers on each line.
	ListJSONLines ListFormat = "JSON_LINES"
)

// ListRow is a line of an advertiser's list, as it is compared. Personal data is
// masked in it as in the postback log, so that both name an event alike.
type ListRow struct {
	Line      int64  // its number in the file, from 1
	Raw       string // cut
	Problem   string // why it cannot be compared; all that follows is empty then
	TxID      string
	ClickID   uuid.UUID
	EventType string
	Amount    Decimal // of the sale; "" where it is not told
	Revenue   Decimal // what the advertiser owes; "" where it is not told
	Currency  string
	Status    Status // "" where it is not told
	At        time.Time
}

// ListOptions say how a list is read.
type ListOptions struct {
	Format ListFormat
	// Columns lead from the list's own names to ours; they go before Advertiser's
	// mapping and the names that are commonly used.
	Columns []NameMapping
	// Advertiser is whose list it is: its names, words, currency and time zone.
	Advertiser *Advertiser
	Keys       *ClickKeys
}

// listNames are columns' names that are commonly used in lists, beside those of
// postbacks.
var listNames = map[string]string{
	"order_id": ParamTxID, "order": ParamTxID, "order_number": ParamTxID, "order_no": ParamTxID, "sale_id": ParamTxID, "transaction": ParamTxID,
	"tx_id": ParamTxID, "reference": ParamTxID, "conversion_ref": ParamTxID, "id": ParamTxID,
	"clickid": ParamClickID, "click": ParamClickID, "aff_click_id": ParamClickID, "sub_id": ParamClickID,
	"date": ParamTimestamp, "time": ParamTimestamp, "datetime": ParamTimestamp, "date_time": ParamTimestamp, "created_at": ParamTimestamp, "created": ParamTimestamp,
	"event_at": ParamTimestamp, "event_time": ParamTimestamp, "order_date": ParamTimestamp, "transaction_date": ParamTimestamp, "sale_date": ParamTimestamp,
	"commission": ParamRevenue, "fee": ParamRevenue, "cost": ParamRevenue, "amount_due": ParamRevenue,
	"total": ParamAmount, "value": ParamAmount, "order_value": ParamAmount, "sale_amount": ParamAmount, "order_total": ParamAmount, "price": ParamAmount,
	"cur": ParamCurrency, "currency_code": ParamCurrency,
	"state": ParamStatus, "order_status": ParamStatus,
	"type": ParamEventType, "action": ParamEventType, "goal_name": ParamEventType, "event_name": ParamEventType,
}

// comparedColumns are the names of ours that a list can tell.
var comparedColumns = []string{
	ParamTxID, ParamClickID, ParamEventType, ParamAmount, ParamRevenue, ParamCurrency, ParamStatus, ParamTimestamp,
}

// ListReader reads an advertiser's list line by line, whatever its length.
type ListReader struct {
	o            ListOptions
	zone         *time.Location
	records      csvRecords
	columns      []string // canonical names by position; "" counts as nothing
	header       []string
	decimalComma bool
}

// NewListReader begins to read. It refuses a list that has nothing to tell events
// apart by.
func NewListReader(r io.Reader, o ListOptions) (*ListReader, error) {
	zone, err := time.LoadLocation(o.Advertiser.TimeZone)
	if err != nil {
		return nil, Internal("list", err)
	}
	l := &ListReader{o: o, zone: zone, records: csvRecords{lines: lineReader{in: decodedList(r)}}}
	if o.Format == ListJSONLines {
		return l, nil
	}
	return l, l.readHeader()
}

func (l *ListReader) readHeader() error {
	lines := &l.records.lines
	for {
		text, err := lines.next()
		if errors.Is(err, io.EOF) {
			return Invalid([]string{"list"}, "the list is empty: expected a header with the columns' names, and a line for each event")
		}
		if err != nil {
			return err
		}
		if strings.Trim(text, " \t,;|") == "" {
			continue
		}
		l.records.separator = separatorOf(text)
		l.decimalComma = l.records.separator == ';'
		names, _, problem := l.records.join(text)
		if problem != "" {
			return Invalid([]string{"list"}, "the header cannot be read: %s", problem)
		}
		for _, name := range names {
			l.header = append(l.header, strings.TrimSpace(name))
			l.columns = append(l.columns, l.column(name))
		}
		break
	}
	if !slices.Contains(l.columns, ParamTxID) && !slices.Contains(l.columns, ParamClickID) {
		return Invalid([]string{"list"}, "no column of the header (%s) names events: expected txid (or order_id, transaction_id …) or click_id, or a mapping of the column that does",
			clean(strings.Join(l.header, ", "), 300))
	}
	return nil
}

// column gives the name of ours that a column counts as; "" for none.
func (l *ListReader) column(name string) string {
	name = strings.TrimSpace(name)
	for _, m := range l.o.Columns {
		if strings.EqualFold(strings.TrimSpace(m.From), name) {
			name = m.To
			break
		}
	}
	canonical := canonicalParameter(name, l.o.Advertiser.ParameterMapping)
	if canonical == "" {
		plain := strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(name))
		if canonical, _ = CanonicalParameter(plain); canonical == "" {
			canonical = listNames[plain]
		}
	}
	switch {
	case canonical == ParamPayout:
		return ParamRevenue // what an advertiser pays is what it owes us
	case slices.Contains(comparedColumns, canonical):
		return canonical
	}
	return ""
}

// Next reads the next line that is not empty; io.EOF follows the last. A line that
// cannot be compared says so itself. Any other error is of whatever is read from.
func (l *ListReader) Next() (ListRow, error) {
	if l.o.Format == ListJSONLines {
		return l.nextObject()
	}
	values, raw, line, problem, err := l.records.record()
	if err != nil {
		return ListRow{}, err
	}
	row := ListRow{Line: line, Raw: clean(MaskText(raw), maxListRaw), Problem: problem}
	if problem != "" {
		return row, nil
	}
	if len(values) > len(l.columns) {
		row.Problem = fmt.Sprintf("the line has %d values, and the header %d names", len(values), len(l.columns))
		return row, nil
	}
	params := make([]Parameter, 0, len(values))
	for i, value := range values {
		if l.columns[i] != "" {
			params = append(params, Parameter{Name: l.header[i], Value: strings.TrimSpace(value), Canonical: l.columns[i]})
		}
	}
	l.read(&row, PostbackParams{params})
	return row, nil
}

func (l *ListReader) nextObject() (ListRow, error) {
	for {
		text, problem, err := l.records.lines.nextOrProblem()
		if err != nil {
			return ListRow{}, err
		}
		if strings.TrimSpace(text) == "" && problem == "" {
			continue
		}
		row := ListRow{Line: l.records.lines.line, Problem: problem}
		if problem != "" {
			return row, nil
		}
		row.Raw = clean(MaskText(text), maxListRaw)
		object, ok := objectOf(text)
		if !ok {
			row.Problem = "the line is not a JSON object"
			return row, nil
		}
		var params []Parameter
		for name, value := range object {
			if canonical := l.column(name); canonical != "" {
				params = append(params, Parameter{Name: name, Value: scalar(value), Canonical: canonical})
			}
		}
		slices.SortFunc(params, func(a, b Parameter) int { return strings.Compare(a.Name, b.Name) })
		l.read(&row, PostbackParams{params})
		return row, nil
	}
}

// objectOf reads a JSON object.
func objectOf(text string) (object map[string]json.RawMessage, ok bool) {
	err := json.Unmarshal([]byte(text), &object)
	return object, err == nil
}

// scalar is the text of a JSON string or number; "" of anything else.
func scalar(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return strings.TrimSpace(text)
	}
	if len(value) > 0 && (value[0] == '-' || value[0] >= '0' && value[0] <= '9') {
		return string(value)
	}
	return ""
}

// read reads the values of a line.
func (l *ListReader) read(row *ListRow, params PostbackParams) {
	problem := l.values(row, params)
	if problem != "" {
		*row = ListRow{Line: row.Line, Raw: row.Raw, Problem: problem}
	}
}

func (l *ListReader) values(row *ListRow, params PostbackParams) (problem string) {
	for _, p := range params.All {
		if flaw := flawOf(p.Value); flaw != "" {
			return fmt.Sprintf("column %q %s", p.Name, flaw)
		}
	}
	claim := Claim{TxID: params.Get(ParamTxID), EventType: params.Get(ParamEventType)}
	clickID := params.Get(ParamClickID)
	if claim.TxID == "" && clickID == "" {
		return "the line names no event: it has neither a transaction id nor a click id"
	}
	maskClaim(&claim, PostbackParams{MaskParameters(params.All)}, l.o.Keys)
	row.TxID, row.EventType = claim.TxID, claim.EventType
	var state ClickIDState
	if row.ClickID, state = l.o.Keys.Parse(clickID); state != ClickIDWhole {
		row.ClickID = uuid.Nil
		if claim.TxID == "" {
			return fmt.Sprintf("the click id %s is none of ours", shown(clickID))
		}
	}
	row.Currency = l.o.Advertiser.Currency
	if text, name := params.Sent(ParamCurrency); text != "" {
		code, p := ParseCurrency(name, text)
		if p != nil {
			return fmt.Sprintf("the currency %s is no active ISO 4217 code", shown(text))
		}
		row.Currency = code
	}
	if problem := l.amount(&row.Amount, row.Currency, params.Get(ParamAmount)); problem != "" {
		return problem
	}
	if problem := l.amount(&row.Revenue, row.Currency, params.Get(ParamRevenue)); problem != "" {
		return problem
	}
	if text, name := params.Sent(ParamStatus); text != "" {
		status, p := ParseStatus(name, text, l.o.Advertiser.StatusMapping)
		if p != nil {
			return fmt.Sprintf("the status %s is not known: write pending, approved or rejected, or map this word for the advertiser", shown(text))
		}
		row.Status = status
	}
	if text := params.Get(ParamTimestamp); text != "" {
		if row.At, problem = parseListTime(text, l.zone); problem != "" {
			return problem
		}
	}
	return ""
}

func (l *ListReader) amount(into *Decimal, currency, text string) (problem string) {
	if text == "" {
		return ""
	}
	if strings.HasPrefix(text, "-") || strings.HasPrefix(text, "(") {
		return fmt.Sprintf("the amount %s is negative: write the event's own amount, and rejected as its status", shown(text))
	}
	if *into = parseListAmount(text, l.decimalComma); *into == "" {
		return fmt.Sprintf("the amount %s cannot be read: write 1234.50", shown(text))
	}
	if digits, _ := CurrencyDigits(currency); digits < 3 && l.decimalComma && mayBeThousands(text) {
		return fmt.Sprintf("the amount %s may be two: write 1234,50, without separators of thousands", shown(text))
	}
	return ""
}
