package proofback

import (
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
	return maskValue(name, canonical, value)
}

// MaskParameters is MaskParameter over a copy of the parameters as read, with the
// canonical names that they count as.
func MaskParameters(params []Parameter) []Parameter {
	masked := slices.Clone(params)
	for i, p := range masked {
		masked[i].Value, _ = maskValue(p.Name, p.Canonical, p.Value)
	}
	return masked
}

func maskValue(name, canonical, value string) (masked, what string) {
	if value == "" {
		return value, maskNothing
	}
	switch canonical {
	case ParamToken, ParamSig:
		return mask, maskSecret
	case ParamClickID, ParamTxID, ParamEventType, ParamStatus, ParamAmount, ParamRevenue, ParamPayout, ParamCurrency,
		ParamTimestamp, ParamSigTime:
		// Identifiers and numbers of the event: what looks like a card number here
		// is none.
		return maskText(value, false)
	}
	if what := sensitiveName(name); what != maskNothing {
		return mask, what
	}
	return maskText(value, true)
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
	return maskURL(rawURL, mapping, 0)
}

func maskURL(rawURL string, mapping []NameMapping, depth int) string {
	rest, fragment, hasFragment := strings.Cut(rawURL, "#")
	base, query, hasQuery := strings.Cut(rest, "?")
	var out strings.Builder
	out.WriteString(maskBase(base))
	if hasQuery {
		out.WriteByte('?')
		maskQuery(&out, query, mapping, depth)
	}
	if hasFragment {
		out.WriteByte('#')
		maskQuery(&out, fragment, mapping, depth)
	}
	return out.String()
}

// maskBase masks user and password, and what the path tells of people.
func maskBase(base string) string {
	if scheme, rest, ok := strings.Cut(base, "://"); ok {
		host, path := rest, ""
		if i := strings.IndexByte(rest, '/'); i >= 0 {
			host, path = rest[:i], rest[i:]
		}
		if i := strings.LastIndexByte(host, '@'); i >= 0 {
			host = mask + host[i:]
		}
		return scheme + "://" + host + MaskText(path)
	}
	return MaskText(base)
}

func maskQuery(out *strings.Builder, query string, mapping []NameMapping, depth int) {
	for i, pair := range strings.Split(query, "&") {
		if i > 0 {
			out.WriteByte('&')
		}
		rawName, rawValue, hasValue := strings.Cut(pair, "=")
		if !hasValue {
			out.WriteString(MaskText(pair))
			continue
		}
		name, _ := decodeForm(rawName)
		value, _ := decodeForm(rawValue)
		masked, what := maskValue(name, canonicalParameter(name, mapping), value)
		if nested, kind := maskNested(masked, mapping, depth); kind != maskNothing {
			masked, what = nested, kind
		}
		out.WriteString(MaskText(rawName))
		out.WriteByte('=')
		if what == maskNothing {
			out.WriteString(rawValue)
		} else {
			out.WriteString(escapeMasked(masked))
		}
	}
}

// maskNested masks a URL that is the value of a parameter, however often it was
// encoded.
func maskNested(value string, mapping []NameMapping, depth int) (masked, what string) {
	const depths, encodings = 3, 4
	for range encodings {
		if strings.Contains(value, "=") && strings.ContainsAny(value, "?#&") {
			if depth == depths {
				return mask, maskSecret
			}
			if masked := maskURL(value, mapping, depth+1); masked != value {
				return masked, maskSecret
			}
			return value, maskNothing
		}
		decoded := decodePercent(value)
		if decoded == value {
			break
		}
		value = decoded
	}
	return value, maskNothing
}

// escapeMasked encodes for a query but leaves the mask readable.
func escapeMasked(s string) string {
	return strings.ReplaceAll(string(appendEscaped(nil, s)), "%2A", "*")
}
