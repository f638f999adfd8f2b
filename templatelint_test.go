package proofback

import (
	"strings"
	"testing"
)

func TestLintNamesWhatIsProbablyNotMeant(t *testing.T) {
	t.Parallel()
	const good = "https://t.example/in?cid={click_id}"
	for _, test := range []struct {
		method, template string
		want             []TemplateWarningCode
		says             string
	}{
		{"GET", good, nil, ""},
		{"GET", "https://t.example/in/{sub3}", nil, ""},
		{"GET", "https://t.example/in?cid=%7Bclick_id%7D", nil, ""},
		{"GET", good + "&to=https%3A%2F%2Fx.example%2F%3Fa%3Db", nil, ""},
		{"GET", good + "&to=https%253A%252F%252Fx.example%252F%253Fa", nil, ""},
		{"GET", good + "&c=20%25&name=a%20b", nil, ""},
		{"POST", "https://t.example/in", nil, ""},

		{"GET", "https://t.example/in?x={payout}", []TemplateWarningCode{WarnNoClickReference}, "{click_id}"},
		{"GET", "https://t.example/in?x=1#{click_id}", []TemplateWarningCode{WarnNoClickReference}, "which click"},
		{"GET", "https://t.example/in?x=1", []TemplateWarningCode{WarnNoClickReference}, "which click"},
		{"GET", "http://t.example/in?cid={click_id}", []TemplateWarningCode{WarnNotHTTPS}, "https://"},
		{"POST", "HTTP://t.example/in", []TemplateWarningCode{WarnNotHTTPS}, "https://"},
		{"GET", good + "&p={amont}", []TemplateWarningCode{WarnUnknownMacro}, "{amont} is no macro here"},
		{"GET", good + "&p={pay_out}", []TemplateWarningCode{WarnUnknownMacro}, "did you mean {payout}?"},
		{"GET", good + "&t={transaction_id}&t={transaction_id}", []TemplateWarningCode{WarnUnknownMacro}, "did you mean {txid}?"},
		{"GET", good + "&t=[transaction_id]", []TemplateWarningCode{WarnUnknownMacro}, "write {txid}"},
		{"GET", good + "&t=%%TRANSACTION_ID%%", []TemplateWarningCode{WarnUnknownMacro}, "write {txid}"},
		{"GET", good + "&t=#subid7#", nil, ""}, // a fragment
		{"GET", good + "&t=[gaid]", []TemplateWarningCode{WarnUnknownMacro}, "sent as it stands"},
		{"GET", good + "&c=a%2520b", []TemplateWarningCode{WarnDoubleEncoding}, `"%20"`},
		{"GET", "https://t.example/in?cid=%257Bclick_id%257D", []TemplateWarningCode{WarnUnknownMacro, WarnNoClickReference, WarnDoubleEncoding, WarnDoubleEncoding}, "{click_id}"},
		{"GET", "http://t.example/in?p={foo}", []TemplateWarningCode{WarnUnknownMacro, WarnNoClickReference, WarnNotHTTPS}, "{foo}"},
		{"GET", "", []TemplateWarningCode{WarnNoClickReference}, ""},
		{"GET", "{", []TemplateWarningCode{WarnNoClickReference}, ""},
	} {
		got := LintDestination(test.method, test.template)
		codes := make([]TemplateWarningCode, len(got))
		said := ""
		for i, w := range got {
			codes[i] = w.Code
			said += w.Message + "\n"
		}
		if strings.Join(wordsOf(codes), " ") != strings.Join(wordsOf(test.want), " ") || !strings.Contains(said, test.says) {
			t.Errorf("%s %s: %v, want %v\n%s", test.method, test.template, codes, test.want, said)
		}
	}
}

func wordsOf(codes []TemplateWarningCode) []string {
	words := make([]string, len(codes))
	for i, c := range codes {
		words[i] = string(c)
	}
	return words
}

func FuzzLintDestination(f *testing.F) {
	f.Add("GET", "https://t.example/in?cid=%257Bclick_id%257D&t=[x]")
	f.Fuzz(func(t *testing.T, method, template string) {
		for _, w := range LintDestination(method, template) {
			if w.Code == "" || w.Message == "" {
				t.Errorf("%q gives %+v", template, w)
			}
		}
	})
}
