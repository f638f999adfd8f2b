package transport

import (
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// The media types of answers.
const (
	mediaJSON     = "application/json"
	mediaResponse = "application/graphql-response+json"
	mediaEvents   = "text/event-stream"
)

// Stays reports whether a request is for a connection that stays open for long: a
// WebSocket, or server-sent events. Clients that would take events for a subscription
// name them in Accept at every query as well, behind what they would rather have.
func Stays(r *http.Request) bool {
	if r.Header.Get("Upgrade") != "" {
		return true
	}
	media, ok := negotiate(r.Header.Values("Accept"))
	return ok && media == mediaEvents
}

// negotiate chooses the media type of the answer by the Accept header (RFC 9110,
// section 12.5.1). Whoever does not say gets application/json, as before there was
// a specification.
func negotiate(accept []string) (media string, ok bool) {
	type wish struct {
		media   string
		quality float64
	}
	var wishes []wish
	for _, part := range strings.Split(strings.Join(accept, ","), ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		media, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		quality, err := strconv.ParseFloat(params["q"], 64)
		if err != nil {
			quality = 1
		}
		if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
			continue
		}
		wishes = append(wishes, wish{media, quality})
	}
	if len(wishes) == 0 {
		return mediaJSON, strings.TrimSpace(strings.Join(accept, "")) == ""
	}
	slices.SortStableFunc(wishes, func(a, b wish) int {
		switch {
		case a.quality > b.quality:
			return -1
		case a.quality < b.quality:
			return 1
		}
		return 0
	})
	for _, w := range wishes {
		if w.quality == 0 {
			continue
		}
		switch w.media {
		case mediaJSON, mediaResponse, mediaEvents:
			return w.media, true
		case "*/*", "application/*":
			return mediaJSON, true
		case "text/*":
			return mediaEvents, true
		}
	}
	return "", false
}
