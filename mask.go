package proofback

import (
	"cmp"
	"slices"
	"strings"
)

// What is masked, and why it was. A mask tells nothing of the value, not even
// its length, and is no macro when a logged request is put through the rules
// again.
const (
	mask = "***"

	maskSecret  = "secret"
	maskEmail   = "email"
	maskPhone   = "phone"
	maskCard    = "card"
	maskPerson  = "personal"
	maskNothing = ""
)

// MaskParameter makes a request's parameter fit to be logged or stored: secrets
// and personal data, told by the name or by the value, become ***. It says what
// it masked, "" for nothing. A name means what it means without any advertiser's
// mapping; MaskParameters knows better.
func MaskParameter(name, value string) (masked, what string) {
	canonical, _ := CanonicalParameter(name)
	return maskValue(name, canonical, value, &nesting{})
}

// MaskParameters is MaskParameter over a copy of the parameters as read, with the
// canonical names that they count as.
func MaskParameters(params []Parameter) []Parameter {
	masked := slices.Clone(params)
	for i, p := range masked {
		masked[i].Value, _ = maskValue(p.Name, p.Canonical, p.Value, &nesting{})
	}
	return masked
}

// nesting is where a value stands: how deep in URLs that are parameters of
// others, and by whose names those count. A nil one is of what is no URL itself.
type nesting struct {
	mapping []NameMapping
	depth   int
}

// Bounds of what is unwrapped to look for what must be masked.
const (
	maxNestedURLs = 3
	maxEncodings  = 4
)

func maskValue(name, canonical, value string, in *nesting) (masked, what string) {
	if value == "" {
		return value, maskNothing
	}
	switch canonical {
	case ParamToken, ParamSig:
		return mask, maskSecret
	case ParamClickID, ParamTxID:
		// Identifiers of the event: what looks like a card number here is none.
		return maskEncoded(value, false, in)
	case ParamEventType, ParamStatus, ParamAmount, ParamRevenue, ParamPayout, ParamCurrency, ParamTimestamp, ParamSigTime:
		return maskEncoded(value, true, in)
	}
	if what := sensitiveName(name); what != maskNothing {
		return mask, what
	}
	return maskEncoded(value, true, in)
}

// maskEncoded masks a text, also one that was encoded several times, and a URL.
// Text that was encoded comes back decoded if there was something to mask in it,
// and else as it was.
func maskEncoded(value string, free bool, in *nesting) (masked, what string) {
	if !mayHide(value, free) {
		return value, maskNothing
	}
	masked, what = maskText(value, free)
	view := masked
	for range maxEncodings {
		if in != nil && strings.Contains(view, "=") && strings.ContainsAny(view, "?#&") {
			if in.depth == maxNestedURLs {
				return mask, maskSecret
			}
			if nested := maskURL(view, &nesting{in.mapping, in.depth + 1}); nested != view {
				return nested, cmp.Or(what, maskSecret)
			}
			break
		}
		decoded, _ := decodeForm(view)
		if decoded == view {
			break
		}
		view = decoded
		if text, kind := maskText(view, free); kind != maskNothing {
			view, masked, what = text, text, cmp.Or(what, kind)
		}
	}
	return masked, what
}

// mayHide reports whether a text may hold what must be masked: nearly none does, and those
// need not be looked at further. Addresses have an @, international numbers a plus, what is
// encoded a percent sign, and URLs with parameters an equals sign; other numbers have many
// digits.
func mayHide(text string, free bool) bool {
	digits := 0
	for i := range len(text) {
		switch c := text[i]; {
		case '0' <= c && c <= '9':
			digits++
		case hidingMarks[c]:
			return true
		}
	}
	return free && digits >= minPhoneDigits
}

var hidingMarks = bytesOf("@+%=")

// maskRaw masks what stands in a URL as raw and means decoded.
func maskRaw(raw, decoded string) string {
	masked, what := maskEncoded(decoded, true, nil)
	if what == maskNothing {
		return raw
	}
	return escapeMasked(masked)
}

// MaskText masks e-mail addresses, phone numbers and card numbers amid a text.
func MaskText(text string) string {
	masked, _ := maskText(text, true)
	return masked
}

// MaskURL masks a URL, or a path with its query: passwords, parameters as
// MaskParameter does (under the names that mapping gives them), also those of a
// URL in a parameter, and personal data in the path. What needs no mask stays as
// it was written.
func MaskURL(rawURL string, mapping ...NameMapping) string {
	return maskURL(rawURL, &nesting{mapping: mapping})
}

func maskURL(rawURL string, in *nesting) string {
	rest, fragment, hasFragment := strings.Cut(rawURL, "#")
	base, query, hasQuery := strings.Cut(rest, "?")
	var out strings.Builder
	out.Grow(len(rawURL))
	out.WriteString(maskBase(base))
	if hasQuery {
		out.WriteByte('?')
		maskQuery(&out, query, in)
	}
	if hasFragment {
		out.WriteByte('#')
		maskQuery(&out, fragment, in)
	}
	return out.String()
}

// maskBase masks user and password, and what the path tells of people.
func maskBase(base string) string {
	scheme, rest, ok := strings.Cut(base, "://")
	if !ok {
		return maskPath(base)
	}
	host, path := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		host = mask + host[i:]
	}
	return scheme + "://" + host + maskPath(path)
}

func maskPath(path string) string {
	if !mayHide(path, true) {
		return path
	}
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		segments[i] = maskRaw(segment, decodePercent(segment))
	}
	return strings.Join(segments, "/")
}

func maskQuery(out *strings.Builder, query string, in *nesting) {
	first := true
	for pair := range strings.SplitSeq(query, "&") {
		if !first {
			out.WriteByte('&')
		}
		first = false
		rawName, rawValue, hasValue := strings.Cut(pair, "=")
		name, _ := decodeForm(rawName)
		out.WriteString(maskRaw(rawName, name))
		if !hasValue {
			continue
		}
		out.WriteByte('=')
		value, _ := decodeForm(rawValue)
		if masked, what := maskValue(name, canonicalParameter(name, in.mapping), value, in); what != maskNothing {
			rawValue = escapeMasked(masked)
		}
		out.WriteString(rawValue)
	}
}

// escapeMasked encodes for a query but leaves the mask readable.
func escapeMasked(s string) string {
	return strings.ReplaceAll(string(appendEscaped(nil, s)), "%2A", "*")
}
