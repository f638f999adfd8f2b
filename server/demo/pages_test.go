package demo

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func serve(t *testing.T) *http.ServeMux {
	t.Helper()
	mux := http.NewServeMux()
	Register(mux, "https://go.network.example", "SEK")
	return mux
}

func do(t *testing.T, mux http.Handler, method, path, body string, accept string) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Accept", accept)
	r.Header.Set("Idempotency-Key", "key-1")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	text, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(text)
}

func TestTheLandingPageShowsTheClickIDAndWhatToSend(t *testing.T) {
	t.Parallel()
	_, page := do(t, serve(t), "GET", "/demo/landing?click_id=ZABC123&x=%3Cscript%3E", "", "text/html")
	for _, want := range []string{
		"<code>ZABC123</code>",
		"https://go.network.example/postback?amount=49.90&amp;click_id=ZABC123&amp;currency=SEK&amp;event_type=sale&amp;txid=ORDER-ABC123",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%s is missing in %s", want, page)
		}
	}
	if _, page := do(t, serve(t), "GET", "/demo/landing?click_id=%3Cscript%3E", "", "text/html"); strings.Contains(page, "<script") {
		t.Error("what came along is not escaped")
	}
}

func TestTheSinkShowsTheLastRequestsItGot(t *testing.T) {
	t.Parallel()
	mux := serve(t)
	for range sinkKeeps + 5 {
		do(t, mux, "GET", "/demo/sink/blog?n=early", "", "")
	}
	if status, _ := do(t, mux, "POST", "/demo/sink/blog?n=last&answer=503", `{"a":1}`, ""); status != 503 {
		t.Errorf("it answered %d", status)
	}
	_, body := do(t, mux, "GET", "/demo/sink", "", "*/*")
	var got []received
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != sinkKeeps {
		t.Errorf("it remembers %d", len(got))
	}
	if last := got[0]; last.Method != http.MethodPost || last.URL != "/demo/sink/blog?n=last&answer=503" || last.Body != `{"a":1}` || last.IdempotencyKey != "key-1" || last.Answer != 503 {
		t.Errorf("the last one is shown as %+v", last)
	}
	if _, page := do(t, mux, "GET", "/demo/sink", "", "text/html"); !strings.Contains(page, "POST /demo/sink/blog?n=last") {
		t.Error("browsers are not shown the last one")
	}
}

func TestTheSinkKeepsBoundedMemory(t *testing.T) {
	t.Parallel()
	mux := serve(t)
	do(t, mux, "POST", "/demo/sink/blog?n="+strings.Repeat("x", 10_000), strings.Repeat("y", 100_000), "")
	_, body := do(t, mux, "GET", "/demo/sink", "", "")
	if len(body) > 10_000 {
		t.Errorf("%d bytes were kept", len(body))
	}
}
