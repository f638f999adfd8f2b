package demo

import (
	"embed"
	"html/template"
	"net/http"
	"net/url"

	"github.com/proofback/proofback"
)

// Where the demo plays the outside world.
const (
	landingPath = "/demo/landing"
	sinkPath    = "/demo/sink"
)

//go:embed pages/*.html
var pageFiles embed.FS

var pages = template.Must(template.ParseFS(pageFiles, "pages/*.html"))

// Register serves the landing page and the sink.
func Register(mux *http.ServeMux, publicURL, currency string) {
	mux.HandleFunc("GET "+landingPath, func(w http.ResponseWriter, r *http.Request) { land(w, r, publicURL, currency) })
	s := newSink()
	mux.HandleFunc("GET "+sinkPath, s.show)
	mux.HandleFunc(sinkPath+"/{name...}", s.take)
}

// land plays the advertiser's shop: it shows the click id that came along, and
// what its server would send when the visitor buys something.
func land(w http.ResponseWriter, r *http.Request, publicURL, currency string) {
	id := r.URL.Query().Get(proofback.ParamClickID)
	sale := url.Values{
		proofback.ParamClickID:   {id},
		proofback.ParamEventType: {"sale"},
		proofback.ParamTxID:      {"ORDER-" + tail(id)},
		proofback.ParamAmount:    {"49.90"},
		proofback.ParamCurrency:  {currency},
	}
	signUp := url.Values{proofback.ParamClickID: {id}, proofback.ParamEventType: {"newsletter"}}
	show(w, "landing.html", map[string]string{
		"ClickID":    id,
		"Currency":   currency,
		"Sale":       publicURL + "/postback?" + sale.Encode(),
		"Newsletter": publicURL + "/postback?" + signUp.Encode(),
	})
}

// tail is the end of a click id: a good enough order number for a demo.
func tail(id string) string { return id[max(0, len(id)-6):] }

func show(w http.ResponseWriter, page string, data any) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	_ = pages.ExecuteTemplate(w, page, data) // what fails is the connection
}
