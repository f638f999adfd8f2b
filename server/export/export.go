package export

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// Exports serves the files.
type Exports struct {
	Store *db.Store
	// ClickKeys write click ids as advertisers know them.
	ClickKeys *proofback.ClickKeys
	// Actor tells who asks.
	Actor func(context.Context) proofback.Actor
	// Enqueue asks for a list that was uploaded to be compared.
	Enqueue func(context.Context, pgx.Tx, uuid.UUID) error
	// Log takes what callers are not told.
	Log *slog.Logger
}

// pageRows is how many rows are read at a time.
const pageRows = 1000

// pageTime is how long a caller may take over a page before it is given up.
const pageTime = time.Minute

// Register puts the files on a mux, behind what tells who asks.
func (e *Exports) Register(mux *http.ServeMux, known func(http.Handler) http.Handler) {
	mux.Handle("GET /export/clicks.csv", known(e.serve(e.clicks)))
	mux.Handle("GET /export/conversions.csv", known(e.serve(e.conversions)))
	mux.Handle("GET /export/report.csv", known(e.serve(e.report)))
	mux.Handle("GET /export/saved-report", known(e.serve(e.savedReport)))
	mux.Handle("GET /export/statement.csv", known(e.serve(e.statementCSV)))
	mux.Handle("GET /export/statement.html", known(e.serve(e.statementPage)))
	mux.Handle("GET /export/statement-proof.json", known(e.serve(e.statementProof)))
	mux.Handle("GET /export/reconciliation.csv", known(e.serve(e.reconciliation)))
	mux.Handle("POST /reconciliations", known(http.HandlerFunc(e.uploadList)))
}

// serve answers with what write writes. What is refused before the first row is
// told; what goes wrong later cuts the file off, so that nobody takes a part for
// the whole.
func (e *Exports) serve(write func(context.Context, proofback.Actor, *params, *file) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		actor := e.Actor(r.Context())
		f := newFile(w, r)
		err := actor.RequireSignedIn()
		if err == nil {
			err = write(r.Context(), actor, newParams(r.URL.Query()), f)
		}
		if err == nil {
			err = f.close()
		}
		switch {
		case err == nil:
		case f.begun:
			if r.Context().Err() == nil {
				e.Log.ErrorContext(r.Context(), "an export broke off", "request_id", actor.RequestID, "path", r.URL.Path, "error", err)
			}
			panic(http.ErrAbortHandler)
		default:
			e.Refuse(w, r, err)
		}
	})
}

// statuses say how a code of ours reads in HTTP. What is not in it is 500.
var statuses = map[proofback.Code]int{
	proofback.CodeInvalid:         http.StatusBadRequest,
	proofback.CodeNotFound:        http.StatusNotFound,
	proofback.CodeForbidden:       http.StatusForbidden,
	proofback.CodeUnauthenticated: http.StatusUnauthorized,
	proofback.CodeUnavailable:     http.StatusServiceUnavailable,
}

// Refuse says in JSON why there is no file.
func (e *Exports) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	refusal := struct {
		Code    string   `json:"code"`
		Field   []string `json:"field,omitempty"`
		Message string   `json:"message"`
	}{Code: string(proofback.CodeInternal), Message: "something went wrong on our side"}
	status := http.StatusInternalServerError
	if known, ok := errors.AsType[*proofback.Error](err); ok {
		if s, ok := statuses[known.Code]; ok {
			status = s
			refusal.Code, refusal.Field, refusal.Message = string(known.Code), known.Field, known.Message
		}
	}
	if status == http.StatusInternalServerError && r.Context().Err() == nil {
		e.Log.ErrorContext(r.Context(), "an export failed", "path", r.URL.Path, "error", err)
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(refusal)
}
