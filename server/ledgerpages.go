package main

import (
	_ "embed"
	"html/template"
	"net/http"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/proofback/proofback"
)

//go:embed ledger.html
var ledgerPageText string

var ledgerPage = template.Must(template.New("ledger").Parse(ledgerPageText))

// registerLedger publishes what anybody may have of the ledger: its checkpoint and
// the hashes of its tree, in the form of c2sp.org/tlog-tiles, its public key, and a
// page that says what it proves. The entries are between the partners.
func (p *program) registerLedger(mux *http.ServeMux) error {
	key, err := p.settings.ledgerKey(p.network)
	if err != nil {
		return err
	}
	mux.HandleFunc("GET /ledger/checkpoint", p.ledgerCheckpoint)
	mux.HandleFunc("GET /ledger/tile/{path...}", p.ledgerTile)
	mux.HandleFunc("GET /ledger/key", func(w http.ResponseWriter, _ *http.Request) {
		plain(w, http.StatusOK, key.Public)
	})
	mux.HandleFunc("GET /ledger", func(w http.ResponseWriter, r *http.Request) {
		p.ledgerPage(w, r, key)
	})
	return nil
}

func (p *program) ledgerCheckpoint(w http.ResponseWriter, r *http.Request) {
	note, err := p.store.LedgerCheckpoint(r.Context())
	if err != nil {
		p.unavailable(w, r, err)
		return
	}
	if note == "" {
		plain(w, http.StatusNotFound, "nothing has been sealed yet: ask again in a minute")
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=5")
	_, _ = w.Write([]byte(note))
}

// ledgerTile serves /ledger/tile/<level>/<n>[.p/<width>]. A tile never changes: one
// that is not full yet is asked for by its width.
func (p *program) ledgerTile(w http.ResponseWriter, r *http.Request) {
	const height = "tile/8/" // which the library's paths name and those of C2SP do not
	path := r.PathValue("path")
	tile, err := tlog.ParseTilePath(height + path)
	if err != nil || tile.L < 0 || tile.H != proofback.LedgerTileHeight {
		plain(w, http.StatusNotFound, "no tile has this path: expected level/number, such as 0/000 or 0/x001/234.p/17")
		return
	}
	hashes, ok, err := p.store.LedgerTile(r.Context(), tile)
	if err != nil {
		p.unavailable(w, r, err)
		return
	}
	if !ok {
		plain(w, http.StatusNotFound, "the ledger has not grown that far")
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(hashes)
}

func (p *program) ledgerPage(w http.ResponseWriter, r *http.Request, key *proofback.LedgerKey) {
	note, err := p.store.LedgerCheckpoint(r.Context())
	if err != nil {
		p.unavailable(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	w.Header().Set("Cache-Control", "no-cache")
	_ = ledgerPage.Execute(w, struct{ Key, Checkpoint string }{key.Public, strings.TrimSpace(note)})
}

// unavailable answers what the database did not.
func (p *program) unavailable(w http.ResponseWriter, r *http.Request, err error) {
	p.log.WarnContext(r.Context(), "the ledger could not be read", "request_id", r.Header.Get(requestIDHeader), "error", err)
	w.Header().Set("Retry-After", "5")
	plain(w, http.StatusServiceUnavailable, "the database is not available: try again")
}
