package proofback

import (
	"html"
	"strings"
)

// MetaRefresh finds where an HTML page sends its visitors by
// <meta http-equiv="refresh" content="0; url=…">, "" for nowhere. Comments and
// what scripts and styles hold do not count; <noscript> does, since whoever asks
// runs no scripts.
func MetaRefresh(page string) string {
	s := tagScanner{rest: page}
	for {
		name, attributes, ok := s.next()
		if !ok {
			return ""
		}
		if name == "meta" && strings.EqualFold(strings.TrimSpace(attributes["http-equiv"]), "refresh") {
			if url := RefreshURL(attributes["content"]); url != "" {
				return url
			}
		}
	}
}

// RefreshURL reads the value of a refresh, as HTML's shared declarative refresh
// steps do: a number of seconds, and where to go then; "" stands for staying.
func RefreshURL(content string) string {
	s := strings.TrimLeft(strings.TrimSpace(content), "0123456789.")
	if len(s) == len(strings.TrimSpace(content)) {
		return "" // no seconds
	}
	s = strings.TrimLeft(s, htmlSpace+";,")
	if len(s) >= len("url") && strings.EqualFold(s[:len("url")], "url") {
		if after, ok := strings.CutPrefix(strings.TrimLeft(s[len("url"):], htmlSpace), "="); ok {
			s = strings.TrimLeft(after, htmlSpace)
		}
	}
	if s != "" && (s[0] == '"' || s[0] == '\'') {
		s, _, _ = strings.Cut(s[1:], s[:1])
	}
	return strings.TrimSpace(s)
}

const htmlSpace = " \t\n\f\r"

// tagScanner walks the start tags of a page. It knows as much of HTML's tokens as
// finding meta elements takes, and reads any text to its end.
type tagScanner struct{ rest string }

// next gives the next start tag, its name and the names of its attributes in
// lower case, the attributes' values decoded.
func (s *tagScanner) next() (name string, attributes map[string]string, ok bool) {
	for {
		_, after, found := strings.Cut(s.rest, "<")
		if !found {
			return "", nil, false
		}
		if comment, is := strings.CutPrefix(after, "!--"); is {
			_, s.rest, _ = strings.Cut(comment, "-->")
			continue
		}
		s.rest = after
		if after == "" || !isLetter(after[0]) {
			continue
		}
		end := strings.IndexAny(after, htmlSpace+"/>")
		if end < 0 {
			return "", nil, false
		}
		name, s.rest = strings.ToLower(after[:end]), after[end:]
		attributes = s.attributes()
		switch name {
		case "script", "style", "title", "textarea", "template", "xmp", "iframe":
			s.skipTo("</" + name)
			continue
		}
		return name, attributes, true
	}
}

// skipTo goes on behind the next place where text stands, in any case.
func (s *tagScanner) skipTo(text string) {
	for i := 0; i+len(text) <= len(s.rest); i++ {
		if s.rest[i] == '<' && strings.EqualFold(s.rest[i:i+len(text)], text) {
			s.rest = s.rest[i+len(text):]
			return
		}
	}
	s.rest = ""
}

// attributes reads up to the end of the tag. Of a name that comes twice the first
// counts.
func (s *tagScanner) attributes() map[string]string {
	found := map[string]string{}
	for {
		s.rest = strings.TrimLeft(s.rest, htmlSpace+"/")
		if s.rest == "" {
			return found
		}
		if s.rest[0] == '>' {
			s.rest = s.rest[1:]
			return found
		}
		end := strings.IndexAny(s.rest[1:], htmlSpace+"/>=")
		if end < 0 {
			end = len(s.rest) - 1
		}
		name := strings.ToLower(s.rest[:end+1])
		s.rest = strings.TrimLeft(s.rest[end+1:], htmlSpace)
		value := ""
		if after, ok := strings.CutPrefix(s.rest, "="); ok {
			s.rest = strings.TrimLeft(after, htmlSpace)
			value = s.value()
		}
		if _, twice := found[name]; !twice {
			found[name] = html.UnescapeString(value)
		}
	}
}

func (s *tagScanner) value() (value string) {
	if s.rest == "" {
		return ""
	}
	if quote := s.rest[:1]; quote == `"` || quote == "'" {
		value, s.rest, _ = strings.Cut(s.rest[1:], quote)
		return value
	}
	end := strings.IndexAny(s.rest, htmlSpace+">")
	if end < 0 {
		end = len(s.rest)
	}
	value, s.rest = s.rest[:end], s.rest[end:]
	return value
}
