package proofback

import (
	"net/url"
	"strings"
)

// TemplateWarning is something in a destination's template that is allowed, and
// probably not meant; of a template that is refused it may be the reason.
type TemplateWarning struct {
	Code    TemplateWarningCode
	Message string // one sentence: what was seen, and how to mend it
}

// TemplateWarningCode is the kind of a warning.
type TemplateWarningCode string

const (
	WarnUnknownMacro     TemplateWarningCode = "UNKNOWN_MACRO"      // it reaches the endpoint as it stands
	WarnNoClickReference TemplateWarningCode = "NO_CLICK_REFERENCE" // nothing tells which click is meant
	WarnNotHTTPS         TemplateWarningCode = "NOT_HTTPS"          // anybody on the way can read and change it
	WarnDoubleEncoding   TemplateWarningCode = "DOUBLE_ENCODING"    // it arrives with percent signs in it
)

// LintDestination finds what is probably not meant in the template of a
// destination that is called by a method. It reads any text: whether the template
// can be used at all, Validate tells.
func LintDestination(method, template string) []TemplateWarning {
	l := linter{}
	l.macros(template)
	l.clickReference(method, template)
	if strings.EqualFold(template[:min(len(template), len("http://"))], "http://") {
		l.warn(WarnNotHTTPS, "the URL begins with http://: anybody on the way can read and change what is sent; use https:// if the endpoint has it")
	}
	l.encoding(template)
	return l.found
}

type linter struct{ found []TemplateWarning }

func (l *linter) warn(code TemplateWarningCode, format string, args ...any) {
	w := TemplateWarning{code, Invalid(nil, format, args...).Message}
	for _, other := range l.found {
		if w == other {
			return
		}
	}
	l.found = append(l.found, w)
}

// macros finds names in braces that are no macros, and the placeholders of other
// trackers.
func (l *linter) macros(template string) {
	for from := 0; ; {
		at, end, name := nextBraces(template, from)
		if at < 0 {
			break
		}
		from = end
		for _, unknown := range DestinationMacros.Unknown(name) {
			l.warn(WarnUnknownMacro, "%s", unknown.problem().Message)
		}
	}
	_, query, _ := strings.Cut(template, "?")
	query, _, _ = strings.Cut(query, "#")
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if hasBraces(value) || !UnresolvedMacro(value) {
			continue
		}
		if macro := DestinationMacros.suggest(innerName(value)); macro != "" {
			l.warn(WarnUnknownMacro, "%q of %q looks like another tracker's macro: write {%s}", value, name, macro)
			continue
		}
		l.warn(WarnUnknownMacro, "%q of %q looks like another tracker's macro and is sent as it stands", value, name)
	}
}

// hasBraces reports whether a value holds a name in braces, which is looked at
// elsewhere.
func hasBraces(value string) bool {
	at, _, _ := nextBraces(value, 0)
	return at >= 0
}

// innerName is a placeholder without what makes it one: clickid of [clickid].
func innerName(placeholder string) string {
	return strings.TrimFunc(decodePercent(placeholder), func(r rune) bool {
		return !isLetter(byte(r)) && (r < '0' || r > '9')
	})
}

// clickReference wants {click_id}, or one of the subs in which an affiliate hands
// its own reference over. The body of a POST has them all.
func (l *linter) clickReference(method, template string) {
	if method == "POST" {
		return
	}
	template, _, _ = strings.Cut(template, "#") // a fragment is not sent
	for from := 0; ; {
		at, end, name := nextBraces(template, from)
		if at < 0 {
			break
		}
		from = end
		if macro, ok := DestinationMacros.find(name); ok && (macro == ParamClickID || isSub(macro)) {
			return
		}
	}
	l.warn(WarnNoClickReference, "nothing in the URL tells which click is meant: add {click_id}, or the sub that your own click id comes in, such as {sub1}")
}

func isSub(macro string) bool {
	for _, sub := range subParams {
		if macro == sub {
			return true
		}
	}
	return false
}

// encoding finds what is encoded more often than the place it stands in wants. A
// URL that is a value is encoded once, and one inside it twice.
func (l *linter) encoding(template string) {
	for i := 0; i+5 <= len(template); i++ {
		if !strings.EqualFold(template[i:i+3], "%25") || !isHex(template[i+3]) || !isHex(template[i+4]) {
			continue
		}
		component := template[strings.LastIndexAny(template[:i], "?&#")+1:]
		component, _, _ = strings.Cut(component, "&")
		if encodingLayers(component) == 3 {
			continue
		}
		plain, err := url.PathUnescape(template[i : i+5])
		if err != nil {
			continue
		}
		l.warn(WarnDoubleEncoding, "%q is percent-encoded twice: the endpoint gets %q; encode it once, and macros not at all", template[i:i+5], plain)
	}
}
