package outbound

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/proofback/proofback"
)

// showHeader writes a header as it may be kept, one field a line in the order of
// their names: secrets, told by the names or echoed from the URL, are masked, and
// what is too long is cut.
func showHeader(h http.Header, echoes []echo) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(name + ": " + showField(name, value))
		}
		if b.Len() > maxKept {
			break
		}
	}
	return keep([]byte(b.String()), echoes)
}

// plainFields hold no secret, but numbers that would be taken for somebody's phone,
// or what would be looked through in vain each time.
var plainFields = []string{
	"Content-Length", "Content-Type", "Date", "Etag", "Expires", "Idempotency-Key", "Last-Modified", "Webhook-Id", "Webhook-Timestamp",
}

func showField(name, value string) string {
	switch {
	case slices.Contains(plainFields, name), name == "User-Agent" && value == userAgent:
		return value
	case strings.Contains(name, "Cookie"):
		return "***"
	}
	masked, _ := proofback.MaskParameter(name, value)
	return masked
}
