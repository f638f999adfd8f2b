package db

import "strings"

// withoutValues is a statement on one line with a question mark in the place of
// each value: strings, numbers and what stands between dollars. Parameters ($1),
// names and keywords stay, comments do not. It understands as much of SQL's lexical
// structure as it takes never to leave a part of a value standing.
func withoutValues(sql string) string {
	var out strings.Builder
	out.Grow(min(len(sql), 2*maxSlowText))
	for i := 0; i < len(sql) && out.Len() < 2*maxSlowText; {
		rest := sql[i:]
		switch c := rest[0]; {
		case c == '\'':
			i += quoted(rest, escapes(sql, i))
			out.WriteByte('?')
		case c == '"':
			n := quoted(rest, false)
			out.WriteString(rest[:n])
			i += n
		case strings.HasPrefix(rest, "--"):
			i += lineLength(rest)
		case strings.HasPrefix(rest, "/*"):
			i += commentLength(rest)
		case c == '$' && !inName(sql, i) && dollarTag(rest) != "":
			tag := dollarTag(rest)
			if end := strings.Index(rest[len(tag):], tag); end >= 0 {
				i += end + 2*len(tag)
			} else {
				i = len(sql)
			}
			out.WriteByte('?')
		case isDigit(c) && !inName(sql, i):
			i += numberLength(rest)
			out.WriteByte('?')
		case c == ' ' || c == '\n' || c == '\t' || c == '\r':
			if s := out.String(); s != "" && s[len(s)-1] != ' ' {
				out.WriteByte(' ')
			}
			i++
		default:
			out.WriteByte(c)
			i++
		}
	}
	return strings.TrimSpace(out.String())
}

// quoted is the length of what is quoted at the beginning of s, quotes included: a
// quote within is doubled, or where there are escapes follows a backslash.
func quoted(s string, escapes bool) int {
	quote := s[0]
	for i := 1; i < len(s); i++ {
		switch {
		case escapes && s[i] == '\\':
			i++
		case s[i] == quote && i+1 < len(s) && s[i+1] == quote:
			i++
		case s[i] == quote:
			return i + 1
		}
	}
	return len(s)
}

// escapes reports whether the string that begins at i is written E'…'.
func escapes(sql string, i int) bool {
	return i > 0 && (sql[i-1] == 'E' || sql[i-1] == 'e') && !inName(sql, i-1)
}

// inName reports whether what stands at i continues a name, or is the number of a
// parameter.
func inName(sql string, i int) bool {
	if i == 0 {
		return false
	}
	c := sql[i-1]
	return c == '_' || c == '$' || c >= 0x80 || isDigit(c) || isLetter(c)
}

// dollarTag is what begins a dollar-quoted string, "" when s begins with none.
func dollarTag(s string) string {
	for i := 1; i < len(s); i++ {
		c := s[i]
		if c == '$' {
			return s[:i+1]
		}
		if c != '_' && c < 0x80 && !isLetter(c) && (i == 1 || !isDigit(c)) {
			return ""
		}
	}
	return ""
}

// numberLength takes a little more than numbers, such as 1.5e-7 and 0x1f.
func numberLength(s string) int {
	for i := 1; i < len(s); i++ {
		exponent := (s[i] == '-' || s[i] == '+') && (s[i-1] == 'e' || s[i-1] == 'E')
		if !isDigit(s[i]) && !isLetter(s[i]) && s[i] != '.' && s[i] != '_' && !exponent {
			return i
		}
	}
	return len(s)
}

func lineLength(s string) int {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		return i
	}
	return len(s)
}

// commentLength is the length of a comment, in which others may be.
func commentLength(s string) int {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
