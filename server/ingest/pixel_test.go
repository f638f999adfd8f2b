package ingest

import (
	"context"
	"encoding/json"
	"image/color"
	"image/gif"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// pixels serves the pixel as well, and gives what ends its writer.
func (w *world) pixels() (stop func()) {
	w.Helper()
	writer := w.store.NewPixelWriter(db.PixelWriterConfig{})
	(&Pixels{Writer: writer, Keys: w.keys, Now: time.Now}).Register(w.mux)
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		w.must(writer.Close(ctx))
	}
}

// clickNow follows the link and gives the click id.
func (w *world) clickNow() string {
	w.Helper()
	u, err := url.Parse(w.visit("").Header.Get("Location"))
	w.must(err)
	return u.Query().Get("click_id")
}

func TestThePixelIsAlwaysAGIF(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stop := w.pixels()
	id := w.clickNow()
	for _, query := range []string{
		"", "?", "?click_id=" + id, "?click_id=" + id + "&amount=abc&status=%zz", "?click_id={clickid}", "?click_id=" + strings.ToLower(id),
		"?%00=%00&click_id=%ff", "?" + strings.Repeat("a=b&", 500), "?click_id=" + id + "&sub1=" + strings.Repeat("x", 10000),
	} {
		res := w.serve(request(http.MethodGet, "/pixel.gif"+query, ""))
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "image/gif" || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%.60s: %d %v", query, res.StatusCode, res.Header)
		}
		image, err := gif.Decode(res.Body)
		if err != nil || image.Bounds().Dx() != 1 || image.Bounds().Dy() != 1 || image.At(0, 0) != (color.RGBA{}) {
			t.Errorf("%.60s: %v, %v", query, image, err)
		}
	}
	stop()
	if n := w.count(`SELECT count(*) FROM pixel_signals`); n != 4 {
		t.Errorf("%d signals are stored, want those of the genuine click id", n)
	}
}

func TestAPixelLeavesAMaskedSignalAndNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stop := w.pixels()
	id := w.clickNow()
	q := url.Values{
		"click_id": {id}, "transaction_id": {"T-1"}, "event": {"sale"}, "amount": {"10"}, "currency": {"EUR"}, "token": {"s3cret"},
		"email": {"jane@example.com"}, "note": {"call +49 170 1234567"},
	}
	w.serve(request(http.MethodGet, "/pixel.gif?"+q.Encode(), ""))
	for _, ignored := range []*http.Request{
		request(http.MethodHead, "/pixel.gif?"+q.Encode(), ""),
		request(http.MethodGet, "/pixel.gif?"+q.Encode(), "", "Sec-Purpose: prefetch"),
	} {
		w.serve(ignored)
	}
	if res := w.serve(request(http.MethodPost, "/pixel.gif", "")); res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", res.StatusCode)
	}
	stop()

	story, err := w.store.Trace(t.Context(), admin, proofback.TraceBy{ClickID: w.clickIn(id)})
	if err != nil || len(story.PixelSignals) != 1 {
		t.Fatalf("%+v, %v", story, err)
	}
	s := story.PixelSignals[0]
	text, err := json.Marshal(s.Parameters)
	w.must(err)
	if s.EventType != "sale" || s.TxID != "T-1" || !strings.Contains(string(text), `"transaction_id"`) {
		t.Errorf("signal %+v", s)
	}
	for _, secret := range []string{"s3cret", "jane", "1234567"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("%s is stored: %s", secret, text)
		}
	}
	for _, table := range []string{"conversions", "postbacks", "transitions", "deliveries"} {
		if n := w.count(`SELECT count(*) FROM ` + table); n != 0 {
			t.Errorf("%d rows in %s", n, table)
		}
	}
}

func FuzzPixel(f *testing.F) {
	keys, err := proofback.NewClickKeys(1, proofback.ClickKey{Version: 1, Secret: make([]byte, 32)})
	if err != nil {
		f.Fatal(err)
	}
	h := &Pixels{Keys: keys, Now: time.Now}
	f.Add("click_id=" + keys.Encode([16]byte{1}) + "&txid=jane@example.com&token=abc")
	f.Fuzz(func(t *testing.T, query string) {
		s, ok := h.read(query)
		if !ok {
			return
		}
		for _, text := range append([]proofback.Parameter{{Name: s.EventType, Value: s.TxID}}, s.Parameters...) {
			if all := text.Name + text.Value; !utf8.ValidString(all) || strings.Contains(all, "\x00") {
				t.Errorf("Postgres would refuse %q", all)
			}
			if text.Canonical == proofback.ParamToken && text.Value != "" && text.Value != "***" {
				t.Errorf("a token is kept: %q", text.Value)
			}
		}
	})
}

// count asks the database for a number.
func (w *world) count(query string) (n int) {
	w.Helper()
	w.must(w.store.Pool().QueryRow(w.Context(), query).Scan(&n))
	return n
}
