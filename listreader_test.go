package proofback

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// shop is an advertiser in Berlin that calls sales its own way.
func shop() *Advertiser {
	return &Advertiser{
		Currency: "EUR", TimeZone: "Europe/Berlin",
		ParameterMapping: []NameMapping{{From: "auftrag", To: ParamTxID}},
		StatusMapping:    []StatusMapping{{From: "storno", To: StatusRejected}},
	}
}

func readList(t testing.TB, text string, o ListOptions) ([]ListRow, error) {
	t.Helper()
	if o.Advertiser == nil {
		o.Advertiser = shop()
	}
	o.Keys = testClickKeys(t)
	l, err := NewListReader(strings.NewReader(text), o)
	if err != nil {
		return nil, err
	}
	var rows []ListRow
	for {
		row, err := l.Next()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}
}

// tell is a row in one line.
func (r ListRow) tell() string {
	if r.Problem != "" {
		return fmt.Sprintf("%d! %s", r.Line, r.Problem)
	}
	at := ""
	if !r.At.IsZero() {
		at = r.At.Format(time.RFC3339)
	}
	return fmt.Sprintf("%d %s %s %s %s %s %s %s", r.Line, r.TxID, r.EventType, r.Amount, r.Revenue, r.Currency, r.Status, at)
}

func TestListsOfAllMakesAreRead(t *testing.T) {
	t.Parallel()
	latin, err := charmap.Windows1252.NewEncoder().String("Auftrag;Händler\nÄ1;x\n")
	if err != nil {
		t.Fatal(err)
	}
	wide, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String("txid\tamount\r\nÄ1\t5\r\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, text string
		o          ListOptions
		want       []string
	}{
		{"commas", "order_id,amount,currency\nA,12.5,usd\n", ListOptions{}, []string{"2 A  12.50  USD  "}},
		{"semicolons, decimal commas and thousands", "\xef\xbb\xbfOrder ID;Sale amount\nA;\"1.234,5\"\nB;1234.5\nC;7,50\nD;0.125\n", ListOptions{}, []string{"2 A  1234.50  EUR  ", "3 B  1234.50  EUR  ", "4 C  7.50  EUR  ", "5 D  0.125  EUR  "}},
		{"a point that may separate thousands", "txid;amount;currency\nA;1.234;\nB;€ 10.000;EUR\nC;1.234;BHD\nD;1.234,00;\n", ListOptions{}, []string{
			`2! the amount "1.234" may be two: write 1234,50, without separators of thousands`, `3! the amount "€ 10.000" may be two: write 1234,50, without separators of thousands`,
			"4 C  1.234  BHD  ", "5 D  1234.00  EUR  ",
		}},
		{"thousands with commas", "txid,total\nA,\"1,234\"\nB,\"€ 1,234.50\"\nC,1'000\n", ListOptions{}, []string{"2 A  1234  EUR  ", "3 B  1234.50  EUR  ", "4 C  1000  EUR  "}},
		{"the advertiser's names and words", "Auftrag,state\n7,Storno\n8,paid\n", ListOptions{}, []string{"2 7    EUR REJECTED ", `3! the status "paid" is not known: write pending, approved or rejected, or map this word for the advertiser`}},
		{"columns of the feed", "Nummer,Provision\n7,2\n", ListOptions{Columns: []NameMapping{{From: "nummer", To: ParamTxID}, {From: "Provision", To: ParamRevenue}}}, []string{"2 7   2 EUR  "}},
		{"what they pay is what they owe", "txid,payout\n7,2\n", ListOptions{}, []string{"2 7   2 EUR  "}},
		{"their own time", "txid,date\nA,2026-07-01 01:30\nB,01.01.2026\nC,2026-01-01T00:00:00Z\nD,13/01/2026\nE,02/01/2026\nF,soon\n", ListOptions{}, []string{
			"2 A    EUR  2026-06-30T23:30:00Z", "3 B    EUR  2025-12-31T23:00:00Z", "4 C    EUR  2026-01-01T00:00:00Z", "5 D    EUR  2026-01-12T23:00:00Z",
			`6! the time "02/01/2026" may be two days: write 2026-01-31 12:00:00`, `7! the time "soon" cannot be read: write 2026-01-31 12:00:00`,
		}},
		{"Windows-1252", latin, ListOptions{}, []string{"2 Ä1    EUR  "}},
		{"UTF-16", wide, ListOptions{}, []string{"2 Ä1  5  EUR  "}},
		{"line breaks in quotes", "txid,note,amount\nA,\"one\ntwo\",3\n\nB,,4\n", ListOptions{}, []string{"2 A  3  EUR  ", "5 B  4  EUR  "}},
		{"an open quote spoils its line alone", "txid,amount\n\"A,1\nB,2\nC,3\n", ListOptions{}, []string{`2! a quote (") is opened and not closed, or stands within a value: double it`, "3 B  2  EUR  ", "4 C  3  EUR  "}},
		{"nor does it take a line with it that is too long", "txid,amount\n\"A,1\nB," + strings.Repeat("2", maxListLine) + "\n\"C,3\nD,4\n", ListOptions{}, []string{
			`2! a quote (") is opened and not closed, or stands within a value: double it`, "3! the line is longer than 64 KB",
			`4! a quote (") is opened and not closed, or stands within a value: double it`, "5 D  4  EUR  ",
		}},
		{"too many values", "txid,amount\nA,1,234\nB,2\n", ListOptions{}, []string{"2! the line has 3 values, and the header 2 names", "3 B  2  EUR  "}},
		{"negative", "txid,amount\nA,-3\nB,(3)\n", ListOptions{}, []string{
			`2! the amount "-3" is negative: write the event's own amount, and rejected as its status`, `3! the amount "(3)" is negative: write the event's own amount, and rejected as its status`,
		}},
		{"no event", "txid,click_id\n,\n,nonsense\n", ListOptions{}, []string{`3! the click id "nonsense" is none of ours`}},
		{"personal data as an id", "txid\njo@example.com\n", ListOptions{}, []string{"2 " + testClickKeys(t).Pseudonym("jo@example.com") + "    EUR  "}},
		{"JSON lines", `{"order_id": 12, "amount": "3.00", "x": {}}` + "\n\nnot json\n", ListOptions{Format: ListJSONLines}, []string{"1 12  3.00  EUR  ", "3! the line is not a JSON object"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rows, err := readList(t, tt.text, tt.o)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range rows {
				got = append(got, r.tell())
			}
			if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func TestAListThatNamesNoEventsIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "\n\n", "name,amount\nA,1\n", "\"txid\n"} {
		if rows, err := readList(t, text, ListOptions{}); CodeOf(err) != CodeInvalid {
			t.Errorf("%q: %v %v", text, rows, err)
		}
	}
}

// Whatever is sent, each line of it is told once, in order, and none takes another
// with it.
func FuzzListReader(f *testing.F) {
	f.Add("txid,amount\nA,1\n\"B,2\nC,3\n", false)
	f.Add("\xff\xfet\x00x\x00i\x00d\x00\n\x00", false)
	f.Add(`{"txid":1}`+"\n{", true)
	f.Fuzz(func(t *testing.T, text string, object bool) {
		format := ListCSV
		if object {
			format = ListJSONLines
		}
		rows, _ := readList(t, text, ListOptions{Format: format})
		last := int64(0)
		for _, r := range rows {
			if r.Line <= last {
				t.Fatalf("line %d comes after %d", r.Line, last)
			}
			last = r.Line
			if r.Problem == "" && r.TxID == "" && r.ClickID == [16]byte{} {
				t.Fatalf("line %d names no event", r.Line)
			}
		}
	})
}
