package proofback

import (
	"unicode"
	"unicode/utf8"
)

// MaxClickValue is how much of a visitor's parameter is kept, in bytes.
const MaxClickValue = 500

// CleanClickValue makes a visitor's parameter fit to be kept: without control
// characters and bytes that are not UTF-8, and cut to MaxClickValue bytes on a
// rune boundary. The flags say what was done; a wrong value never costs a visitor.
func CleanClickValue(s string) (string, ClickFlags) { return CleanClickText(s, MaxClickValue) }

// CleanClickText is CleanClickValue for another length.
func CleanClickText(s string, maxBytes int) (string, ClickFlags) {
	var flags ClickFlags
	if !isClean(s) {
		flags |= FlagValueCleaned
		s = dropUnclean(s, maxBytes)
	}
	if len(s) > maxBytes {
		flags |= FlagValueCut
		s = CutText(s, maxBytes)
	}
	return s, flags
}

func isClean(s string) bool {
	ascii := 0
	for ascii < len(s) && ' ' <= s[ascii] && s[ascii] <= '~' {
		ascii++
	}
	s = s[ascii:] // nothing, mostly
	for i, r := range s {
		if unicode.IsControl(r) || r == utf8.RuneError && isBadByte(s[i:]) {
			return false
		}
	}
	return true
}

// isBadByte tells a byte that is no UTF-8 from a replacement character that was sent.
func isBadByte(s string) bool {
	_, size := utf8.DecodeRuneInString(s)
	return size == 1
}

// dropUnclean stops behind maxBytes: the rest will be cut off.
func dropUnclean(s string, maxBytes int) string {
	kept := make([]byte, 0, min(len(s), maxBytes+utf8.UTFMax))
	for i, r := range s {
		if unicode.IsControl(r) || r == utf8.RuneError && isBadByte(s[i:]) {
			continue
		}
		kept = utf8.AppendRune(kept, r)
		if len(kept) > maxBytes {
			break
		}
	}
	return string(kept)
}
