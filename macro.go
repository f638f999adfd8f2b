package proofback

import (
	"slices"
	"strings"
)

// Template is a URL with macros, ready to be filled in. It is immutable and safe
// for use by many goroutines.
//
// Macros stand behind the host, so no value can change where a URL leads; values
// are encoded such that each stays one piece of the path, query or fragment that
// it stands in. In a URL that is itself a value, encoded (to=https%3A%2F%2F…),
// they are encoded once more for each layer.
type Template struct {
	pieces []templatePiece
	names  []string // that look like macros and are none
}

// templatePiece is text as it is, and the macro behind it, "" for the last one.
type templatePiece struct {
	text   string
	macro  string
	layers int  // of encoding
	path   bool // stands in the path, where . and .. have a meaning
}

// ParseLandingTemplate reads an offer's landing URL. One that does not say where
// the click id goes gets it at the end of its query. What is in braces and no
// landing macro stays as it is: Unknown tells.
func ParseLandingTemplate(raw string) (*Template, error) {
	t, err := ParseFallbackTemplate(raw)
	if err != nil || t.Uses(ParamClickID) {
		return t, err
	}
	return compileTemplate(addClickID(raw), LandingMacros)
}

// ParseFallbackTemplate reads an offer's fallback URL: the macros are those of the
// landing URL, and no click id is added.
func ParseFallbackTemplate(raw string) (*Template, error) { return parseTemplate(raw, LandingMacros) }

// ParseDestinationTemplate reads the URL of an affiliate's own endpoint. Names in
// braces that are no macros are refused: they would reach the endpoint as they
// stand.
func ParseDestinationTemplate(raw string) (*Template, error) {
	t, err := parseTemplate(raw, DestinationMacros)
	if err != nil {
		return nil, err
	}
	for _, unknown := range t.Unknown(DestinationMacros) {
		return nil, unknown.problem()
	}
	return t, nil
}

func parseTemplate(raw string, macros MacroSet) (*Template, error) {
	if err := checkTemplate(raw); err != nil {
		return nil, err
	}
	return compileTemplate(raw, macros)
}

func compileTemplate(raw string, macros MacroSet) (*Template, error) {
	t := &Template{}
	from := templateHostEnd(raw)
	start := 0 // of the text before the next macro
	for {
		at, end, name := nextBraces(raw, from)
		if at < 0 {
			break
		}
		from = end
		macro, ok := macros.find(name)
		if !ok {
			t.names = append(t.names, name)
			continue
		}
		place := raw[:at]
		if strings.HasSuffix(decodePercent(place[len(place)-3:]), "{") || strings.HasSuffix(place, "$") {
			return nil, Invalid(nil, "write {%s} with one pair of braces and no dollar sign", macro)
		}
		t.pieces = append(t.pieces, templatePiece{
			text:   encodeTemplateText(raw[start:at]),
			macro:  macro,
			layers: encodingLayers(place),
			path:   !strings.ContainsAny(place, "?#"),
		})
		start = end
	}
	t.pieces = append(t.pieces, templatePiece{text: encodeTemplateText(raw[start:])})
	return t, nil
}

// nextBraces finds the next {name} from an index on, the braces encoded or not,
// as some editors of URLs encode them. Without one, at is negative.
func nextBraces(raw string, from int) (at, end int, name string) {
	for i := from; i < len(raw); i++ {
		opening, closing := "{", "}"
		if len(raw) >= i+3 && strings.EqualFold(raw[i:i+3], "%7B") {
			opening, closing = "%7B", "%7D"
		} else if raw[i] != '{' {
			continue
		}
		for j := i + len(opening); j < len(raw) && isMacroByte(raw[j]); j++ {
			if rest := raw[j+1:]; len(rest) >= len(closing) && strings.EqualFold(rest[:len(closing)], closing) {
				return i, j + 1 + len(closing), raw[i+len(opening) : j+1]
			}
		}
	}
	return -1, 0, ""
}

func isMacroByte(c byte) bool {
	return isLetter(c) || '0' <= c && c <= '9' || c == '_' || c == '-' || c == '.'
}

// encodingLayers tells how often a value must be encoded behind this text: once,
// and once more for each URL, encoded, that the value would stand in.
func encodingLayers(before string) int {
	component := before[strings.LastIndexAny(before, "?&#")+1:]
	component = plainColons.Replace(strings.ToLower(component))
	switch {
	case strings.Contains(component, ":%252f%252f"):
		return 3
	case strings.Contains(component, ":%2f%2f"):
		return 2
	}
	return 1
}

// plainColons decodes colons, which a URL that is a value may hold as they are.
var plainColons = strings.NewReplacer("%253a", ":", "%3a", ":")

// encodeTemplateText encodes what may not stand in a URL as it is: everything
// beyond ASCII.
func encodeTemplateText(text string) string {
	out := make([]byte, 0, len(text))
	for i := range len(text) {
		if text[i] < 0x80 {
			out = append(out, text[i])
			continue
		}
		out = appendEscaped(out, text[i:i+1])
	}
	return string(out)
}

// addClickID adds click_id={click_id} to a URL's query.
func addClickID(raw string) string {
	base, fragment, hasFragment := strings.Cut(raw, "#")
	_, query, hasQuery := strings.Cut(base, "?")
	switch {
	case !hasQuery:
		base += "?"
	case query != "" && !strings.HasSuffix(query, "&"):
		base += "&"
	}
	base += ParamClickID + "={" + ParamClickID + "}"
	if hasFragment {
		base += "#" + fragment
	}
	return base
}

// Expand appends the URL with the values that value gives for the macros; an
// empty value leaves nothing in the macro's place.
func (t *Template) Expand(dst []byte, value func(macro string) string) []byte {
	for i := range t.pieces {
		p := &t.pieces[i]
		dst = append(dst, p.text...)
		if p.macro == "" {
			continue
		}
		v := value(p.macro)
		if p.path && strings.Trim(v, ".") == "" {
			continue // . and .. would lead elsewhere in the path
		}
		for range p.layers - 1 {
			v = string(appendEscaped(nil, v))
		}
		dst = appendEscaped(dst, v)
	}
	return dst
}

// Uses reports whether the macro is in the template.
func (t *Template) Uses(macro string) bool {
	return slices.ContainsFunc(t.pieces, func(p templatePiece) bool { return p.macro == macro })
}

// Unknown lists what is in braces but none of the macros, with the name that was
// perhaps meant.
func (t *Template) Unknown(macros MacroSet) []UnknownMacro { return macros.Unknown(t.names...) }
