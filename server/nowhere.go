package main

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/proofback/proofback"
)

// maxShownPath is how much of a path is said back to whoever asked for it.
const maxShownPath = 80

// refuseRoute answers a request that no route is for, in the form of every refusal: what
// was seen, and what to send instead. The mux has set Allow where it knows the path.
// Where processes have parts, what is not served by this one may be by those of another.
func refuseRoute(w http.ResponseWriter, r *http.Request, status int, elsewhere string) {
	code, message := string(proofback.CodeNotFound), fmt.Sprintf("there is nothing at %s: compare the path, letter by letter, with the URL that you were given", proofback.CutText(r.URL.EscapedPath(), maxShownPath))
	if status == http.StatusNotFound && elsewhere != "" {
		message = elsewhere
	}
	if status == http.StatusMethodNotAllowed {
		code, message = "METHOD_NOT_ALLOWED", fmt.Sprintf("%s is not answered here: send %s", proofback.CutText(r.Method, 20), w.Header().Get("Allow"))
	}
	refuseInJSON(w, status, code, message)
}

func refuseInJSON(w http.ResponseWriter, status int, code, message string) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"code": code, "message": message}) // the caller may have gone
}
