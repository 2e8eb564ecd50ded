package api

import (
	"embed"
	"io/fs"
	"net/http"
)

// docsFiles is the page that renders openapi.json: our own, because huma's
// renderers load theirs from elsewhere.
//
//go:embed docs
var docsFiles embed.FS

// docsPolicy lets the page load its own files and nothing else (SE-8).
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// docsHandler serves /docs and the files below it.
func docsHandler() http.Handler {
	files, err := fs.Sub(docsFiles, "docs")
	if err != nil { // the name is a constant that the compiler checked above
		return http.NotFoundHandler()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", docsPolicy)
		w.Header().Set("Cache-Control", "no-cache") // it changes with each release
		name := "index.html"
		switch r.URL.Path {
		case "/docs", "/docs/":
		case "/docs/docs.css", "/docs/docs.js":
			name = r.URL.Path[len("/docs/"):]
		default:
			http.NotFound(w, r)
			return
		}
		http.ServeFileFS(w, r, files, name)
	})
}
