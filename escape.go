package proofback

// appendEscaped percent-encodes everything but the unreserved characters of
// RFC 3986, so that the result is one piece wherever in a URL it stands.
func appendEscaped(dst []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	plain := 0 // s up to here is in dst
	for i := range len(s) {
		if c := s[i]; !unreserved[c] {
			dst = append(append(dst, s[plain:i]...), '%', hex[c>>4], hex[c&15])
			plain = i + 1
		}
	}
	return append(dst, s[plain:]...)
}

// unreserved are the characters that RFC 3986 calls so.
var unreserved = func() (set [256]bool) {
	for c := range len(set) {
		set[c] = isLetter(byte(c)) || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
	}
	return set
}()
