package outbound

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/proofback/proofback"
)

// keep makes an answer's body text that Postgres takes, masks what it repeats of
// the URL's secrets, and cuts it between two runes.
func keep(body []byte, u *url.URL) string {
	text := strings.ReplaceAll(strings.ToValidUTF8(string(body), "\uFFFD"), "\x00", "\uFFFD")
	text = maskEcho(text, u)
	if len(text) <= maxKept {
		return text
	}
	end := maxKept
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// minEcho is the length from which on a value is masked wherever it stands;
// shorter ones would be found in words.
const minEcho = 4

// maskEcho masks the values that are masked in the URL: endpoints like to say
// what they were sent.
func maskEcho(text string, u *url.URL) string {
	for name, values := range u.Query() {
		for _, value := range values {
			masked, what := proofback.MaskParameter(name, value)
			if what == "" || len(value) < minEcho {
				continue
			}
			text = strings.ReplaceAll(text, value, masked)
			text = strings.ReplaceAll(text, url.QueryEscape(value), masked)
		}
	}
	return text
}
