package transport_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/proofback/proofback/graph/transport"
)

// What stays is not counted among the requests that are answered at a time, so it must
// be what is answered as such.
func TestOnlyWhatIsAnsweredForLongStays(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		header http.Header
		want   bool
	}{
		"a plain query":            {http.Header{}, false},
		"events":                   {http.Header{"Accept": {"text/event-stream"}}, true},
		"events, in other letters": {http.Header{"Accept": {"Text/Event-Stream"}}, true},
		"events, any text":         {http.Header{"Accept": {"text/*"}}, true},
		"events on a second line":  {http.Header{"Accept": {"text/html", "text/event-stream"}}, true},
		"as urql asks":             {http.Header{"Accept": {"application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"}}, false},
		"anything but events":      {http.Header{"Accept": {"application/json, text/event-stream;q=0"}}, false},
		"a WebSocket":              {http.Header{"Upgrade": {"websocket"}}, true},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", nil)
		r.Header = tt.header
		if got := transport.Stays(r); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
