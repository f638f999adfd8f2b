package proofback

import (
	"cmp"
	"regexp"
	"strings"
)

var (
	// An address is one whether its @ is encoded or not.
	emailPattern = regexp.MustCompile(`(?i)[^\s@<>"',;:()\[\]{}&=?/#|]+(?:@|%(?:25)*40)+[^\s@<>"',;:()\[\]{}&=?/#|%]+\.\pL{2,}`)
	// International numbers begin with a plus, national ones are told only when
	// they are written as such.
	phonePattern = regexp.MustCompile(`(?i)(?:^|[^0-9a-z+/=_-])((?:\+|%(?:25)*2B)[ ]?[1-9](?:[ ().\-]{0,2}[0-9]){7,14})(?:$|[^0-9a-z+/=_])`)
	localPattern = regexp.MustCompile(`(?:^|\s)(\([0-9]{2,5}\) ?[0-9]{3,5}[ .-]?[0-9]{2,5}|[0-9]{3}[-.][0-9]{3}[-.][0-9]{4})(?:$|\s)`)
)

// maskText masks what can be told by its form alone, and says what came first.
// In free text numbers may be a person's; in an event's own identifiers what
// looks like a card or a local phone number is none.
func maskText(text string, free bool) (masked, what string) {
	digits, at, plus, grouped := 0, false, false, false
	for i := range len(text) {
		switch c := text[i]; c {
		case '@':
			at = true
		case '+':
			plus = true
		case '%':
			at, plus = true, true // either may be encoded
		case '(', '-', '.':
			grouped = true
		default:
			if '0' <= c && c <= '9' {
				digits++
			}
		}
	}
	replace := func(kind string, spans [][]int) {
		if len(spans) > 0 {
			text = replaceSpans(text, spans)
			what = cmp.Or(what, kind)
		}
	}
	if at {
		replace(maskEmail, emailPattern.FindAllStringIndex(text, -1))
	}
	if free && digits >= minCardDigits {
		replace(maskCard, findCards(text))
	}
	replaceAll := func(pattern *regexp.Regexp) {
		// Neighbours share the blank between them, so one pass sees every other one.
		for range 2 {
			replace(maskPhone, pattern.FindAllStringSubmatchIndex(text, -1))
		}
	}
	if plus && digits >= minPhoneDigits {
		replaceAll(phonePattern)
	}
	if free && grouped && digits >= minPhoneDigits {
		replaceAll(localPattern)
	}
	return text, what
}

// replaceSpans puts the mask in the place of each span: of its group, where the
// pattern has one.
func replaceSpans(text string, spans [][]int) string {
	var out strings.Builder
	end := 0
	for _, span := range spans {
		from, to := span[len(span)-2], span[len(span)-1]
		out.WriteString(text[end:from])
		out.WriteString(mask)
		end = to
	}
	out.WriteString(text[end:])
	return out.String()
}

const (
	minCardDigits  = 13
	maxCardDigits  = 19
	minPhoneDigits = 8
)

// findCards gives the spans of card numbers (ISO/IEC 7812): digits, also in
// groups with a blank or hyphen between, of a length and beginning that cards
// have, with a right check digit.
func findCards(text string) (spans [][]int) {
	groups := digitGroups(text)
	for i := 0; i < len(groups); i++ {
		var digits []byte
		for j := i; j < len(groups); j++ {
			if j > i && !joined(text, groups[j-1], groups[j]) {
				break
			}
			digits = append(digits, text[groups[j][0]:groups[j][1]]...)
			if len(digits) > maxCardDigits {
				break
			}
			if isCardNumber(digits) && standsAlone(text, groups[i][0], groups[j][1]) {
				spans = append(spans, []int{groups[i][0], groups[j][1]})
				i = j
				break
			}
		}
	}
	return spans
}

// digitGroups gives the spans of consecutive digits.
func digitGroups(text string) (groups [][2]int) {
	start := -1
	for i := 0; i <= len(text); i++ {
		digit := i < len(text) && '0' <= text[i] && text[i] <= '9'
		switch {
		case digit && start < 0:
			start = i
		case !digit && start >= 0:
			groups = append(groups, [2]int{start, i})
			start = -1
		}
	}
	return groups
}

func joined(text string, a, b [2]int) bool {
	return b[0]-a[1] == 1 && (text[a[1]] == ' ' || text[a[1]] == '-')
}

// standsAlone reports that no letter touches the span: it is not a part of a
// longer identifier.
func standsAlone(text string, from, to int) bool {
	return (from == 0 || !isWordByte(text[from-1])) && (to == len(text) || !isWordByte(text[to]))
}

func isWordByte(c byte) bool { return isLetter(c) || c == '_' }

// isCardNumber checks length and beginning against the ranges that are issued,
// so that few timestamps and ad ids are taken for cards, and the Luhn digit.
func isCardNumber(digits []byte) bool {
	n := len(digits)
	if n < minCardDigits || n > maxCardDigits {
		return false
	}
	four := 0
	for _, c := range digits[:4] {
		four = four*10 + int(c-'0')
	}
	switch two := four / 100; {
	case two/10 == 4:
		return (n == 13 || n == 16 || n == 19) && luhn(digits)
	case two >= 51 && two <= 55, four >= 2221 && four <= 2720:
		return n == 16 && luhn(digits)
	case two == 34, two == 37:
		return n == 15 && luhn(digits)
	case two == 36, two == 38, two == 30:
		return n == 14 && luhn(digits)
	case two == 35, two == 50, two >= 56:
		return two < 70 && n >= 16 && luhn(digits)
	}
	return false
}

// luhn checks the last digit (ISO/IEC 7812-1, annex B).
func luhn(digits []byte) bool {
	sum := 0
	for i, c := range digits {
		d := int(c - '0')
		if (len(digits)-i)%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
