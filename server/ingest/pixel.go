package ingest

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// pixel is a GIF of one transparent point.
const pixel = "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x21\xf9\x04\x01\x00\x00\x00\x00" + // the first colour is transparent
	"\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00\x3b"

// Pixels serves the diagnostic pixel: whatever is sent, it answers with a GIF. A
// genuine click id leaves a signal beside its click, which shows that the visitor
// reached the advertiser's page, and never anything more: what a browser says can
// be made up.
type Pixels struct {
	Writer *db.PixelWriter
	Keys   *proofback.ClickKeys
	Now    func() time.Time
}

// Register adds the route to mux.
func (h *Pixels) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /pixel.gif", h.serve) // and HEAD
}

func (h *Pixels) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && !isPrefetch(r.Header) {
		if signal, ok := h.read(r.URL.RawQuery); ok {
			h.Writer.Record(signal)
		}
	}
	header := w.Header()
	header.Set("Content-Type", "image/gif")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write([]byte(pixel))
}

// read makes a signal of a query that names a click of ours. What is kept of it is
// masked.
func (h *Pixels) read(query string) (proofback.PixelSignal, bool) {
	sent, _ := proofback.ReadPostback(proofback.PostbackRequest{Method: http.MethodGet, RawQuery: query})
	click, state := h.Keys.Parse(sent.Get(proofback.ParamClickID))
	if state != proofback.ClickIDWhole {
		return proofback.PixelSignal{}, false
	}
	masked := proofback.PostbackParams{All: proofback.MaskParameters(sent.All)}
	return proofback.PixelSignal{
		ID:         uuid.Must(uuid.NewV7()),
		At:         h.Now().UTC().Truncate(time.Microsecond),
		ClickID:    click,
		EventType:  masked.Get(proofback.ParamEventType),
		TxID:       masked.Get(proofback.ParamTxID),
		Parameters: masked.All,
	}, true
}
