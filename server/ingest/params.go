package ingest

import (
	"strings"

	"github.com/proofback/proofback"
)

// valueOf gives the field of a click that a parameter fills, nil for others.
func valueOf(c *proofback.Click, name string) *string {
	switch name {
	case "source":
		return &c.Source
	case "creative":
		return &c.Creative
	case "sub10":
		return &c.Subs[9]
	}
	if n, ok := strings.CutPrefix(name, "sub"); ok && len(n) == 1 && n[0] >= '1' && n[0] <= '9' {
		return &c.Subs[n[0]-'1']
	}
	return nil
}

// setValue keeps a parameter as far as it can be kept.
func setValue(c *proofback.Click, field *string, value string) {
	clean, flags := proofback.CleanClickValue(value)
	*field = clean
	c.Flags |= flags
}

// readQuery takes the parameters that count from a raw query; of a name that is
// there twice the first value that is not empty. Unlike url.ParseQuery it gives up
// on nothing: a percent sign that encodes nothing, or a semicolon, is itself.
func readQuery(c *proofback.Click, query string) {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		name, value, _ := strings.Cut(pair, "=")
		if value == "" {
			continue
		}
		if field := valueOf(c, unescape(name)); field != nil && *field == "" {
			setValue(c, field, unescape(value))
		}
	}
}

// unescape decodes the percent-encoding that there is, and plus signs.
func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+':
			out = append(out, ' ')
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			out = append(out, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			out = append(out, c)
		}
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
