// Package web serves the one page for people: GraphiQL, with all that it needs
// built in, so that it works without a connection to anywhere else.
//
// What is vendored, from the npm registry: graphiql 4.1.2, the last line with a
// build that needs no bundler (MIT), and react and react-dom 18.3.1 (MIT), each
// as published but for a line that names a source map.
package web

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"net/http"
	"strings"
)

//go:embed assets
var files embed.FS

// policy lets the page load and call its own server alone. GraphiQL's editor
// writes style attributes, and its style sheet holds fonts and images.
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; " +
	"font-src 'self' data:; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// Handler serves the page at / and its parts below /assets/.
func Handler() http.Handler {
	assets, err := fs.Sub(files, "assets")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Cache-Control", "no-cache")
		http.ServeFileFS(w, r, assets, "index.html")
	})
	tags := tagsOf(assets)
	served := http.StripPrefix("/assets/", http.FileServerFS(assets))
	mux.HandleFunc("GET /assets/", func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") {
			http.NotFound(w, r) // no lists of files
			return
		}
		w.Header().Set("Cache-Control", "max-age=3600")
		if tag, ok := tags[strings.TrimPrefix(r.URL.Path, "/assets/")]; ok {
			w.Header().Set("ETag", tag) // what is built in has no date
		}
		served.ServeHTTP(w, r)
	})
	return secured(mux)
}

// tagsOf names the content of files.
func tagsOf(assets fs.FS) map[string]string {
	tags := map[string]string{}
	err := fs.WalkDir(assets, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(assets, name)
		sum := sha256.Sum256(text)
		tags[name] = `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
		return err
	})
	if err != nil {
		panic(err) // they are embedded above
	}
	return tags
}

// secured sets what every answer for browsers carries.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}
