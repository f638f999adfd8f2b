package proofback

import (
	"strings"
	"unicode/utf8"
)

// The JSON that every postback leaves behind is put together by hand: it is the
// same as encoding/json's, which takes several times as long.

// appendComma appends a comma before all but the first.
func appendComma(b []byte, i int) []byte {
	if i > 0 {
		return append(b, ',')
	}
	return b
}

// appendJSONField appends a field of an object after what stands before it.
func appendJSONField(b []byte, before byte, key, value string) []byte {
	b = append(append(append(b, before, '"'), key...), '"', ':')
	return appendJSONString(b, value)
}

// appendJSONString writes a string as RFC 8785 wants it: only what must be
// escaped is.
func appendJSONString(b []byte, s string) []byte {
	b = append(b, '"')
	plain := 0 // where what need not be escaped begins
	for i := plainUntil(s); i < len(s); i++ {
		c := s[i]
		if !mayNeedEscape[c] {
			continue
		}
		if c >= utf8.RuneSelf {
			if _, size := utf8.DecodeRuneInString(s[i:]); size > 1 {
				i += size - 1
				continue
			}
		}
		b = appendJSONEscape(append(b, s[plain:i]...), c)
		plain = i + 1
	}
	return append(append(b, s[plain:]...), '"')
}

// plainUntil is how far a text surely has nothing that must be escaped, looked at eight
// bytes at a time: of a byte that is below the blank, a quote, a backslash or beyond ASCII,
// one of the four terms has the highest bit.
func plainUntil(s string) int {
	const each, highest = 0x0101010101010101, 0x80 * 0x0101010101010101
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		if (w|(w-each*' ')|((w^each*'"')-each)|((w^each*'\\')-each))&highest != 0 {
			break
		}
	}
	return i
}

// mayNeedEscape are the bytes that must be looked at.
var mayNeedEscape = func() (look [256]bool) {
	for c := range look {
		look[c] = c < 0x20 || c >= utf8.RuneSelf || c == '"' || c == '\\'
	}
	return look
}()

// appendJSONEscape writes a character that must be escaped; bytes that are no text
// become the replacement character.
func appendJSONEscape(b []byte, c byte) []byte {
	switch {
	case c >= utf8.RuneSelf:
		return append(b, "\uFFFD"...)
	case c == '"' || c == '\\':
		return append(b, '\\', c)
	}
	if i := strings.IndexByte("\b\t\n\f\r", c); i >= 0 {
		return append(b, '\\', "btnfr"[i])
	}
	const hex = "0123456789abcdef"
	return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
