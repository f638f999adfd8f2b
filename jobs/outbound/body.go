package outbound

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/proofback/proofback"
)

// keep makes an answer's body text that Postgres takes, masks what it repeats of
// the URL's secrets, and cuts it between two runes.
func keep(body []byte, echoes []echo) string {
	text := strings.ReplaceAll(strings.ToValidUTF8(string(body), "\uFFFD"), "\x00", "\uFFFD")
	text = maskEchoes(text, echoes)
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

// echo is what a value of the URL is masked as, wherever it stands: endpoints like
// to say what they were sent.
type echo struct{ value, masked string }

// echoesOf are the values that are masked in a URL.
func echoesOf(u *url.URL) []echo {
	var list []echo
	for name, values := range u.Query() {
		for _, value := range values {
			masked, what := proofback.MaskParameter(name, value)
			if what == "" || len(value) < minEcho {
				continue
			}
			list = append(list, echo{value, masked})
			if escaped := url.QueryEscape(value); escaped != value {
				list = append(list, echo{escaped, masked})
			}
		}
	}
	return list
}

func maskEchoes(text string, echoes []echo) string {
	for _, e := range echoes {
		text = strings.ReplaceAll(text, e.value, e.masked)
	}
	return text
}
