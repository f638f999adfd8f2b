package proofback

import (
	"slices"
	"strings"
)

// UnresolvedMacro reports whether value is, or holds, a placeholder that its
// sender should have replaced: {clickid}, ${CLICK_ID}, [[subid]], %%click_id%%,
// __CLICKID__, a half of one, or any of these percent-encoded, even more than once.
//
// Delimiters that only templates use make any name in them a macro. Those that
// people also use otherwise (*x*, :x, $x, __x__ …) do so only around words that
// trackers name their macros with, so that item[0], 50$off and __proto__ pass.
func UnresolvedMacro(value string) bool {
	const encodings = 4
	for n := 0; ; n++ {
		if holdsMacro(strings.TrimSpace(value)) {
			return true
		}
		if n == encodings || !strings.Contains(value, "%") {
			return false
		}
		value = decodePercent(value)
	}
}

// decodePercent decodes the percent-encoding that there is and leaves the rest.
func decodePercent(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			out = append(out, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
			continue
		}
		out = append(out, s[i])
	}
	return string(out)
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&0xf + 9
}

// byteSet is a set of bytes.
type byteSet [256]bool

func bytesOf(chars string) (set byteSet) {
	for i := range len(chars) {
		set[chars[i]] = true
	}
	return set
}

// containsOf is strings.ContainsAny with a set that is made once.
func containsOf(set *byteSet, s string) bool {
	for i := range len(s) {
		if set[s[i]] {
			return true
		}
	}
	return false
}

var macroMarks = bytesOf("{}[]<>()%#@$:*|~")

func holdsMacro(s string) bool {
	if !containsOf(&macroMarks, s) && !strings.HasPrefix(s, "__") {
		return false
	}
	return isMacro(s) || encloses(s, '{', '}', isTemplateName) || encloses(s, '[', ']', isTrackerWord)
}

// encloses looks for an innermost pair of delimiters with a macro's name inside.
func encloses(s string, opening, closing byte, named func(string) bool) bool {
	for {
		end := strings.IndexByte(s, closing)
		if end < 0 {
			return false
		}
		if start := strings.LastIndexByte(s[:end], opening); start >= 0 && named(s[start+1:end]) {
			return true
		}
		s = s[end+1:]
	}
}

// isTemplateName is a macro's name that stands in braces amid other text, where a
// single letter may well be none.
func isTemplateName(s string) bool { return len(s) > 1 && isMacroName(s) }

// isMacro peels the delimiters off a value until the name is left.
func isMacro(s string) bool {
	var strong, weak bool // kinds of delimiters seen
	for len(s) > 1 {
		first, last, second := s[0], s[len(s)-1], s[1]
		doubled := len(s) > 3 && second == first && s[len(s)-2] == last
		switch {
		case first == '{' && last == '}', first == '[' && last == ']', first == '<' && last == '>',
			first == last && (first == '%' || first == '#' || first == '$'),
			first == last && first == '@' && doubled,
			first == '(' && last == ')' && doubled:
			strong = true
			s = s[1 : len(s)-1]
		case first == last && (first == '*' || first == '|' || first == '~'),
			first == last && strong && (first == '@' || first == ' ' || first == '=' || first == '+'),
			first == '(' && last == ')':
			weak = true
			s = s[1 : len(s)-1]
		case first == '_' && last == '_' && doubled:
			s = strings.Trim(s, "_")
			return isTrackerWord(s) || strings.ToUpper(s) == s && isMacroName(s)
		case first == '{':
			strong = true
			s = s[1:]
		case last == '}':
			strong = true
			s = s[:len(s)-1]
		case first == '$', first == ':':
			weak = true
			s = s[1:]
		case strong && (first == '%' || first == '=' || first == ' '):
			s = s[1:]
		case strong && (last == '%' || last == ' '):
			s = s[:len(s)-1]
		default:
			return strong && isMacroName(s) || weak && isTrackerWord(s)
		}
	}
	return strong && isMacroName(s)
}

// isMacroName accepts what templates call their macros: a name of letters, a few
// digits and separators, perhaps with an argument, a filter or a default behind
// it. Identifiers in brackets ({01939f5e-…}) have more digits.
func isMacroName(s string) bool {
	const maxLength, maxDigits = 64, 3
	s = strings.Trim(s, " $%:=+")
	if end := strings.IndexAny(s, ":|("); end > 0 {
		s = s[:end]
	}
	if s == "" || len(s) > maxLength || !isLetter(s[0]) {
		return false
	}
	digits := 0
	for i := range len(s) {
		switch c := s[i]; {
		case '0' <= c && c <= '9':
			digits++
		case !isLetter(c) && !strings.ContainsRune("_-. ", rune(c)):
			return false
		}
	}
	return digits <= maxDigits
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// trackerWords are what trackers call their macros, without case, separators
// and numbers; trackerStems are parts that give a longer one away.
var (
	trackerWords = []string{
		"amount", "adv", "campaign", "cid", "country", "creative", "currency", "custom", "data", "device", "event",
		"external", "extra", "gaid", "goal", "guid", "idfa", "keyword", "label", "offer", "oid", "param", "payout",
		"pid", "placement", "random", "revenue", "sid", "source", "status", "sum", "tid", "timestamp", "token",
		"txid", "txn", "uid", "utm", "uuid", "var", "zone",
	}
	trackerStems = []string{"affid", "affsub", "affiliate", "clic", "clid", "clk", "subacc", "subid", "trackid", "tracking", "transaction", "transid", "visit"}
)

// isTrackerWord reports whether s is a name that trackers use for macros.
func isTrackerWord(s string) bool {
	if !isMacroName(s) {
		return false
	}
	word := strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == '.' {
			return -1
		}
		return r
	}, strings.ToLower(s))
	stem := strings.TrimRight(word, "0123456789")
	switch {
	case slices.Contains(trackerWords, stem), stem == "sub", stem == "aff":
		return true
	case stem == "s" || stem == "p":
		return stem != word // s2 and p1 are macros, s is not
	case strings.HasSuffix(strings.ToLower(s), "_id"):
		return true
	}
	return slices.ContainsFunc(trackerStems, func(part string) bool { return strings.Contains(stem, part) })
}
