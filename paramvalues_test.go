package proofback

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bojanz/currency"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"
)

func TestParseAmount(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"0", "0.00", "12.50", "007.5", "999999999999.999999", "1", "0.000001"} {
		if got, problem := ParseAmount("amount", value); problem != nil || string(got) != value {
			t.Errorf("%q = %q, %v; want it as sent", value, got, problem)
		}
	}
	for _, value := range []string{
		"", "-1", "+1", "-0", "1e3", "1E3", "1,234.50", "1.234,50", "1 000", "1_000", "1.", ".5", ".", "0x10", "NaN", "Inf", "١٢",
		"1000000000000", "0.0000001", "1.2.3", "€5", "5 EUR", "1\x00",
	} {
		got, problem := ParseAmount("price", value)
		if problem == nil || problem.Reason != ReasonInvalidAmount || problem.Parameter != "price" || got != "" {
			t.Errorf("%q = %q, %v; want INVALID_AMOUNT of price", value, got, problem)
		}
	}
}

func TestParseCurrency(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{"EUR": "EUR", "eur": "EUR", "Jpy": "JPY", "xcg": "XCG"} {
		if got, problem := ParseCurrency("currency", value); problem != nil || got != want {
			t.Errorf("%q = %q, %v", value, got, problem)
		}
	}
	for _, value := range []string{"", "EU", "EURO", "€", "978", "DEM", "BGN", "ANG", "XXX", "XTS", "XAU", "e\u00fcr", "us$"} {
		if got, problem := ParseCurrency("currency", value); problem == nil || problem.Reason != ReasonInvalidCurrency || got != "" {
			t.Errorf("%q = %q, %v; want INVALID_CURRENCY", value, got, problem)
		}
	}
}

// The table of ISO 4217's maintenance agency and the library's must be one.
func TestCurrencyDigitsAreThoseOfISO4217(t *testing.T) {
	t.Parallel()
	table, err := os.ReadFile("testdata/iso4217-active.txt")
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for line := range strings.Lines(string(table)) {
		code, digits, _ := strings.Cut(strings.TrimSpace(line), " ")
		codes = append(codes, code)
		if got, ok := CurrencyDigits(code); !ok || string(rune('0'+got)) != digits {
			t.Errorf("%s has %d digits (%t), want %s", code, got, ok, digits)
		}
	}
	if diff := cmp.Diff(codes, slices.Sorted(slices.Values(currency.GetCurrencyCodes()))); diff != "" {
		t.Errorf("currencies (-ISO 4217 +known):\n%s", diff)
	}
}

func TestParseStatus(t *testing.T) {
	t.Parallel()
	mapping := []StatusMapping{{"lead", StatusPending}, {" 2 ", StatusApproved}, {"approved", StatusPending}}
	tests := []struct {
		value   string
		mapping []StatusMapping
		want    Status
	}{
		{"pending", nil, StatusPending},
		{"Approved", nil, StatusApproved},
		{"REJECTED", mapping, StatusRejected},
		{"LEAD", mapping, StatusPending},
		{"2", mapping, StatusApproved},
		{"approved", mapping, StatusPending}, // their own meaning of the word
		{"lead", nil, ""},
		{"2", nil, ""},
		{"", mapping, ""},
		{"approve", mapping, ""},
		{"declined", mapping, ""},
	}
	for _, test := range tests {
		got, problem := ParseStatus("status", test.value, test.mapping)
		if got != test.want || (problem == nil) != (test.want != "") || problem != nil && problem.Reason != ReasonInvalidStatus {
			t.Errorf("%q with %v = %q, %v; want %q", test.value, test.mapping, got, problem, test.want)
		}
	}
}

func TestParseTimestamp(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Time{
		"2026-01-31T12:00:00Z":           noon,
		"2026-01-31t12:00:00z":           noon,
		"2026-01-31 12:00:00Z":           noon,
		"2026-01-31T14:30:00+02:30":      noon,
		"2026-01-31T14:30:00 02:30":      noon, // a plus that was not encoded
		"2026-01-31 07:00:00-05:00":      noon,
		"2026-01-31T12:00:00.123456789Z": noon.Add(123456789),
		"1769860800":                     noon,
		"1769860800123":                  noon.Add(123 * time.Millisecond),
		"946684800":                      minTimestamp,
		"946684800000":                   minTimestamp,
		"4102444799999":                  maxTimestamp.Add(-time.Millisecond),
	} {
		got, problem := ParseTimestamp("timestamp", value)
		if problem != nil || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%q = %v, %v; want %v", value, got, problem, want)
		}
	}
	for _, value := range []string{
		"", "0", "946684799", "4102444800", "4102444800000", "1769860800123456", "-1769860800", "1769860800.5", "now",
		"2026-01-31", "2026-01-31T12:00:00", "2026-01-31 12:00:00", "31.01.2026 12:00:00Z", "2026-02-30T12:00:00Z", "2026-01-31T25:00:00Z",
		"1999-12-31T23:59:59Z", "2100-01-01T00:00:00Z", "20260131T120000Z", "2026-01-31T12:00:00+0200", "2026-01-31T12:00Z",
		strings.Repeat("ı", 10), strings.Repeat("ſ", 12), // letters that are shorter in upper case
	} {
		if got, problem := ParseTimestamp("ts", value); problem == nil || problem.Reason != ReasonInvalidTimestamp || problem.Parameter != "ts" || !got.IsZero() {
			t.Errorf("%q = %v, %v; want INVALID_TIMESTAMP of ts", value, got, problem)
		}
	}
}

func TestTimestampsOfAllFormsAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ms := rapid.Int64Range(minTimestamp.UnixMilli(), maxTimestamp.UnixMilli()-1).Draw(t, "ms")
		at := time.UnixMilli(ms).In(time.FixedZone("", rapid.IntRange(-14*60, 14*60).Draw(t, "offset")*60))
		for _, value := range []string{at.Format(time.RFC3339Nano), at.UTC().Format("2006-01-02 15:04:05.999Z07:00")} {
			if got, problem := ParseTimestamp("timestamp", value); problem != nil || !got.Equal(at) {
				t.Fatalf("%q = %v, %v; want %v", value, got, problem, at)
			}
		}
	})
}

func TestClaimReadsTheValues(t *testing.T) {
	t.Parallel()
	params, problems := ReadPostback(get("click_id=Y06&txid=A-1&goal=sale&amount=12.50&revenue=3&payout=1.1&currency=eur&status=lead" +
		"&timestamp=1769860800&reason=why&sub1=one&sub10=ten"))
	claim, bad := params.Claim([]StatusMapping{{"lead", StatusPending}})
	want := Claim{
		ClickID: "Y06", TxID: "A-1", EventType: "sale", Status: StatusPending, Amount: "12.50", Revenue: "3", Payout: "1.1", Currency: "EUR",
		EventAt: time.Unix(1769860800, 0).UTC(), Reason: "why", Subs: [10]string{0: "one", 9: "ten"},
	}
	if diff := cmp.Diff(want, claim); diff != "" || len(problems)+len(bad) > 0 {
		t.Errorf("problems %v %v, claim (-want +got):\n%s", problems, bad, diff)
	}

	params, _ = ReadPostback(get("amount=1e3&revenue=-1&payout=x&currency=DEM&status=lead&timestamp=today"))
	claim, bad = params.Claim(nil)
	var reasons []Reason
	for _, p := range bad {
		reasons = append(reasons, p.Reason)
	}
	wantReasons := []Reason{ReasonInvalidAmount, ReasonInvalidAmount, ReasonInvalidAmount, ReasonInvalidCurrency, ReasonInvalidStatus, ReasonInvalidTimestamp}
	if diff := cmp.Diff(wantReasons, reasons); diff != "" || claim != (Claim{}) {
		t.Errorf("claim %+v, reasons (-want +got):\n%s", claim, diff)
	}
}

func TestHintClickIDNamesTheParameter(t *testing.T) {
	t.Parallel()
	keys := testClickKeys(t)
	whole := keys.Encode(uuid.MustParse("01939f5e-7b1a-7c3d-8e4f-5a6b7c8d9e0f"))
	for query, want := range map[string]string{
		"cid=" + whole: `parameter "cid" looks like a click id: map it to click_id for this advertiser`,
		"click_id=x&transaction_id=" + strings.ToLower(whole): `parameter "transaction_id" looks like a click id: map it to click_id for this advertiser`,
		"click_id=" + whole:       "",
		"cid=" + whole[:37]:       "",
		"cid=" + uuid.NewString(): "",
		"":                        "",
	} {
		params, _ := ReadPostback(get(query))
		if got, ok := params.HintClickID(keys); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %t; want %q", query, got, ok, want)
		}
	}
}

func FuzzParseValues(f *testing.F) {
	for _, seed := range []string{"12.50", "1e3", "1769860800", "1769860800123", "2026-01-31T12:00:00+02:00", "2026-01-31 12:00:00 02:00", "eur", "approved", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if amount, problem := ParseAmount("amount", value); problem == nil {
			if d, ok := ParseDecimal(value); !ok || d != amount || d.Sign() < 0 {
				t.Fatalf("amount %q is no decimal", value)
			}
		}
		if at, problem := ParseTimestamp("timestamp", value); problem == nil {
			if again, problem := ParseTimestamp("timestamp", at.Format(time.RFC3339Nano)); problem != nil || !again.Equal(at) {
				t.Fatalf("timestamp %q is read as %v, and that as %v, %v", value, at, again, problem)
			}
		}
		if code, problem := ParseCurrency("currency", value); problem == nil {
			if _, ok := CurrencyDigits(code); !ok {
				t.Fatalf("currency %q is read as %q", value, code)
			}
		}
		if s, problem := ParseStatus("status", value, nil); (problem == nil) != s.Valid() {
			t.Fatalf("status %q is read as %q, %v", value, s, problem)
		}
	})
}

func FuzzReadPostback(f *testing.F) {
	for _, path := range []string{"testdata/unresolved-macro-values.txt", "testdata/values-that-are-not-macros.txt"} {
		for i, value := range testLines(f, path) {
			if i%20 == 0 {
				f.Add("click_id="+value+"&txid="+value, formType, []byte("cid="+value))
			}
		}
	}
	f.Add("txid=A&txid=B", jsonType, []byte(`{"txid": "A", "amount": 1.50, "nested": {"a": null}, "b": true}`))
	f.Add("sub1=%zz%00%FF", jsonType+"; charset=utf-8", []byte(`{"sub1": "\ud800\u0000`))
	f.Add("a&&=b", "text/plain", []byte("x"))
	f.Fuzz(func(t *testing.T, query, contentType string, body []byte) {
		params, problems := ReadPostback(PostbackRequest{
			Method: "POST", RawQuery: query, ContentType: contentType, Body: body, Mapping: []NameMapping{{"cid", "click_id"}, {"x", "y"}},
		})
		if len(params.All) > MaxParameters {
			t.Fatalf("%d parameters", len(params.All))
		}
		for _, p := range params.All {
			if len(p.Value) > MaxParameterBytes || len(p.Name) > maxNameBytes || flawOf(p.Value) != "" || flawOf(p.Name) != "" {
				t.Fatalf("%+v is not fit for the log", p)
			}
			if _, ok := CanonicalParameter(p.Canonical); !ok && p.Canonical != "" {
				t.Fatalf("%+v counts as no parameter", p)
			}
		}
		for _, p := range problems {
			if p.Detail == "" || flawOf(p.Detail) != "" || bytes.ContainsRune([]byte(p.Parameter), 0) {
				t.Fatalf("problem %+v", p)
			}
		}
		params.Claim(nil)
		MaskParameters(params.All)
	})
}

func BenchmarkReadPostback(b *testing.B) {
	keys := testClickKeys(b)
	req := get("cid=" + keys.Encode(uuid.MustParse("01939f5e-7b1a-7c3d-8e4f-5a6b7c8d9e0f")) +
		"&txid=A-10293847&event_type=sale&amount=12.50&currency=EUR&status=approved&timestamp=2026-01-31T12%3A00%3A00Z&token=0123456789abcdef")
	req.Mapping = []NameMapping{{"cid", "click_id"}, {"s2", "sub2"}}
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			params, _ := ReadPostback(req)
			params.Claim(nil)
		}
	})
	b.Run("click id", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ReadClickID(req, keys)
		}
	})
	b.Run("request", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ReadRequest(req, Credentials{}, Sender{}, keys)
		}
	})
	params, _ := ReadPostback(req)
	b.Run("mask", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			MaskParameters(params.All)
			MaskURL("/postback?"+req.RawQuery, req.Mapping...)
		}
	})
}
