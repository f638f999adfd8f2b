package proofback

import "unicode/utf8"

// CutText cuts s to at most maxBytes bytes, on a rune boundary.
func CutText(s string, maxBytes int) string {
	if len(s) <= maxBytes {
		return s
	}
	for maxBytes > 0 && !utf8.RuneStart(s[maxBytes]) {
		maxBytes--
	}
	return s[:maxBytes]
}
