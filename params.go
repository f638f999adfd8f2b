package proofback

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The canonical names of postback parameters beside sub1 … sub10.
const (
	ParamClickID   = "click_id"
	ParamTxID      = "txid"
	ParamEventType = "event_type"
	ParamStatus    = "status"
	ParamAmount    = "amount"
	ParamRevenue   = "revenue"
	ParamPayout    = "payout"
	ParamCurrency  = "currency"
	ParamTimestamp = "timestamp"
	ParamReason    = "reason"
	ParamToken     = "token"
	ParamSig       = "sig"
	ParamSigTime   = "sig_time"
)

// Limits of a postback's parameters.
const (
	MaxParameters     = 100
	MaxParameterBytes = 2000
	usualParameters   = 8
	maxNameBytes      = 100 // of a name in the log; no name that counts is longer
)

// canonicalNames leads from every name that counts without mapping to the
// canonical one.
var canonicalNames = func() map[string]string {
	names := map[string]string{
		"transaction_id": ParamTxID, "event_id": ParamTxID,
		"goal_id": ParamEventType, "event": ParamEventType, "goal": ParamEventType,
	}
	for _, name := range CanonicalParameters() {
		names[name] = name
	}
	return names
}()

var subParams = [10]string{"sub1", "sub2", "sub3", "sub4", "sub5", "sub6", "sub7", "sub8", "sub9", "sub10"}

// CanonicalParameters lists the names that a mapping can lead to.
func CanonicalParameters() []string {
	return append([]string{
		ParamClickID, ParamTxID, ParamEventType, ParamStatus, ParamAmount, ParamRevenue, ParamPayout, ParamCurrency,
		ParamTimestamp, ParamReason, ParamToken, ParamSig, ParamSigTime,
	}, subParams[:]...)
}

// CanonicalParameter gives the canonical name that name counts as without a
// mapping, in any case: txid for Transaction_ID.
func CanonicalParameter(name string) (string, bool) {
	canonical, ok := canonicalNames[name] // as nearly all are written
	if !ok {
		canonical, ok = canonicalNames[strings.ToLower(strings.TrimSpace(name))]
	}
	return canonical, ok
}

// canonicalParameter asks the advertiser's mapping first; "" counts as nothing.
func canonicalParameter(name string, mapping []NameMapping) string {
	name = strings.TrimSpace(name)
	for _, m := range mapping {
		if strings.EqualFold(strings.TrimSpace(m.From), name) {
			name = m.To
			break
		}
	}
	canonical, _ := CanonicalParameter(name)
	return canonical
}

// PostbackParams is what a postback request says.
type PostbackParams struct {
	// All has every parameter in the order sent, query before body, with values
	// trimmed and valid UTF-8. Unknown names have no canonical one, and are masked.
	// Values are not masked yet: MaskParameters does that for the log.
	All []Parameter
}

// Get is the first value under a canonical name, "" when it was left out: an
// empty value is the same as none.
func (p PostbackParams) Get(canonical string) string {
	value, _ := p.Sent(canonical)
	return value
}

// Sent is Get with the name that the sender used for it.
func (p PostbackParams) Sent(canonical string) (value, name string) {
	for i := range p.All {
		if p.All[i].Canonical == canonical && p.All[i].Value != "" {
			return p.All[i].Value, p.All[i].Name
		}
	}
	return "", canonical
}

// Subs are the values of sub1 … sub10.
func (p PostbackParams) Subs() (subs [10]string) {
	for i := range p.All {
		if sent := &p.All[i]; strings.HasPrefix(sent.Canonical, "sub") {
			sub := &subs[slices.Index(subParams[:], sent.Canonical)]
			*sub = cmp.Or(*sub, sent.Value)
		}
	}
	return subs
}

// paramReader gathers the parameters of a request one by one.
type paramReader struct {
	mapping  []NameMapping
	only     string // the canonical name that somebody asks for, "" for all
	others   int    // parameters that nobody asks for
	params   []Parameter
	problems []Problem
	full     bool
}

// add takes one parameter. raw is the value as it was written, value as it was
// decoded, and flaw what went wrong there, to follow the name in a sentence.
func (r *paramReader) add(name, raw, value, flaw string) {
	if len(r.params)+r.others == MaxParameters {
		if !r.full {
			r.problem(ReasonBadRequest, "", "the request has more than %d parameters: send only those that are needed", MaxParameters)
		}
		r.full = true
		return
	}
	canonical := canonicalParameter(name, r.mapping)
	if r.only != "" && canonical != r.only {
		r.others++
		return
	}
	if r.params == nil && r.only == "" {
		r.params = make([]Parameter, 0, usualParameters)
	}
	if flaw == "" {
		flaw = flawOf(value)
	}
	value = strings.TrimSpace(value)
	if canonical == "" {
		name, _ = maskEncoded(name, true, nil) // it may be a form's, typed by a person
	}
	p := Parameter{Name: clean(name, maxNameBytes), Value: clean(value, MaxParameterBytes), Canonical: canonical}
	defer func() { r.params = append(r.params, p) }()
	if value == "" {
		return
	}
	if flaw != "" && UnresolvedMacro(raw) {
		// A macro in percent signs is broken percent-encoding too, but that is not
		// what has to be mended.
		value, p.Value = raw, clean(raw, MaxParameterBytes)
	}
	switch {
	case UnresolvedMacro(value):
		// Under whatever name: the sender's template is broken, and the next value
		// that it does not fill in may be one that counts.
		r.problem(ReasonUnresolvedMacro, p.Name, "parameter %q is still a macro%s: its sender did not fill it in; use one that the sender knows, or leave the parameter out", p.Name, shownMacro(p))
	case flaw != "" && canonical != "":
		r.problem(ReasonBadRequest, p.Name, "parameter %q %s", p.Name, flaw)
	}
	if canonical == "" {
		return // not used; another flaw in it costs nobody a conversion
	}
	i := slices.IndexFunc(r.params, func(o Parameter) bool { return o.Canonical == canonical && o.Value != "" })
	if i < 0 || r.params[i].Value == p.Value || r.conflicts(canonical) {
		return
	}
	if first := r.params[i].Name; first != p.Name {
		r.problem(ReasonConflictingParameters, p.Name, "parameters %q and %q both say %s, with different values: send one of them", first, p.Name, canonical)
		return
	}
	r.problem(ReasonConflictingParameters, p.Name, "parameter %q is given more than once with different values: send it once", p.Name)
}

func (r *paramReader) problem(reason Reason, parameter, format string, args ...any) {
	r.problems = append(r.problems, Problem{reason, parameter, fmt.Sprintf(format, args...)})
}

// conflicts reports whether a conflict over a canonical name is known already.
func (r *paramReader) conflicts(canonical string) bool {
	return slices.ContainsFunc(r.problems, func(p Problem) bool {
		return p.Reason == ReasonConflictingParameters && canonicalParameter(p.Parameter, r.mapping) == canonical
	})
}

const notUTF8 = "is not valid UTF-8: send all text in UTF-8"

func flawOf(value string) string {
	switch {
	case !utf8.ValidString(value):
		return notUTF8
	case strings.Contains(value, "\x00"):
		return "contains a NUL character: leave it out"
	case len(value) > MaxParameterBytes:
		return fmt.Sprintf("is longer than %d bytes: shorten it", MaxParameterBytes)
	}
	return ""
}

// clean makes text that the database and the log can hold, cut on a rune
// boundary.
func clean(s string, maxBytes int) string {
	if strings.Contains(s, "\x00") || !utf8.ValidString(s) {
		s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	}
	if len(s) <= maxBytes {
		return s
	}
	for !utf8.RuneStart(s[maxBytes]) {
		maxBytes--
	}
	return s[:maxBytes]
}

// shown quotes a value for a sentence: short, and masked.
func shown(value string) string {
	masked, _ := maskEncoded(value, true, &nesting{})
	return strconv.Quote(clean(masked, 64))
}

func shownMacro(p Parameter) string {
	if masked, what := maskValue(p.Name, p.Canonical, p.Value, &nesting{}); what == maskNothing && len(masked) <= 64 {
		return " (" + masked + ")"
	}
	return ""
}
