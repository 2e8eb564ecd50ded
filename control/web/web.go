package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/atriumrtc/atrium/signal/sdk"
)

//go:embed pages assets
var files embed.FS

// Options of a Handler.
type Options struct {
	// FrameAncestor says whether pages of an origin may show the pages of
	// guests' links in a frame; nil: none may. The staff's never are in one.
	FrameAncestor func(ctx context.Context, origin string) bool
}

// Handler serves the pages. It is safe for concurrent use.
type Handler struct {
	assets        map[string]*asset // by URL path
	frameAncestor func(ctx context.Context, origin string) bool
}

// asset is a file, ready to be sent in two codings.
type asset struct {
	contentType string
	shared      bool // may be loaded by pages of other origins
	framed      bool // may be shown in a frame by pages of other origins
	plain, gzip variant
}

type variant struct {
	body []byte // empty gzip body: not worth it
	etag string
}

// contentTypes by extension; a file of another kind fails New, so that nothing
// is ever served as a guess.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
}

const notFoundPath = "/404"

// New reads and compresses the embedded files.
func New(o Options) (*Handler, error) {
	h := &Handler{assets: make(map[string]*asset), frameAncestor: o.FrameAncestor}
	if err := h.load(); err != nil {
		return nil, err
	}
	return h, nil
}

// policy is the Content-Security-Policy of every answer. 'self' in connect-src
// covers the WebSocket of the same host (CSP 3 §6.7.2.8).
func policy(ancestors string) string {
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"img-src 'self'",
		"media-src 'self' blob:",
		"connect-src 'self'",
		"manifest-src 'self'",
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors " + ancestors,
		"require-trusted-types-for 'script'",
		"trusted-types 'none'",
	}, "; ")
}

func (h *Handler) load() error {
	pages := map[string]string{
		"/": "index.html", "/r": "room.html", "/e": "guest.html", "/i": "invite.html",
		"/console": "console.html", notFoundPath: "missing.html",
	}
	parsed, err := template.ParseFS(files, "pages/*.html", "pages/parts/*.html")
	if err != nil {
		return fmt.Errorf("embedded pages: %w", err)
	}
	for route, name := range pages {
		var body bytes.Buffer
		if err := parsed.ExecuteTemplate(&body, name, nil); err != nil {
			return fmt.Errorf("embedded page: %w", err)
		}
		if err := h.add(route, path.Ext(name), body.Bytes(), false); err != nil {
			return err
		}
	}
	h.assets["/e"].framed, h.assets["/r"].framed = true, true
	if err := h.add("/robots.txt", ".txt", []byte("User-agent: *\nDisallow: /\n"), false); err != nil {
		return err
	}
	assets, err := fs.Sub(files, "assets")
	if err != nil {
		return fmt.Errorf("embedded assets: %w", err)
	}
	modules, err := sdk.Files()
	if err != nil {
		return fmt.Errorf("embedded SDK: %w", err)
	}
	if err := h.addAll("/assets/", assets, false); err != nil {
		return err
	}
	return h.addAll("/sdk/", modules, true)
}

func (h *Handler) addAll(prefix string, from fs.FS, shared bool) error {
	return fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		return h.add(prefix+name, path.Ext(name), body, shared)
	})
}

func (h *Handler) add(route, ext string, body []byte, shared bool) error {
	contentType, ok := contentTypes[ext]
	if !ok {
		return fmt.Errorf("embedded file %s: no content type for %q", route, ext)
	}
	a := &asset{contentType: contentType, shared: shared, plain: variant{body: body, etag: etag(body)}}
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(body); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if packed.Len() < len(body) {
		a.gzip = variant{body: packed.Bytes(), etag: etag(packed.Bytes())}
	}
	h.assets[route] = a
	return nil
}

func etag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setSecurity(w.Header())
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD are answered here", http.StatusMethodNotAllowed)
		return
	}
	a, ok := h.assets[r.URL.Path]
	if !ok || r.URL.Path == notFoundPath {
		h.notFound(w, r)
		return
	}
	if a.shared {
		// The SDK is public code that pages of other origins import.
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
	v := a.choose(w.Header(), r)
	if a.framed {
		w.Header().Add("Vary", "Referer")
		if ancestor := h.ancestor(r); ancestor != "" {
			w.Header().Set("Content-Security-Policy", policy(ancestor))
		}
	}
	// Asked again each time, answered by 304: an upgraded server is never
	// seen through half-old modules.
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", v.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(v.body))
}

// ancestor is the origin that may show the answer in a frame, "" for none. Whose
// link it is stands in the fragment, which no server sees; which organisations'
// pages are listed is nobody else's business. So it is the page that asks for
// it, if it is listed by anybody, and no list (SE-8). That page's own policy
// must let its origin be told (browsers do, unless it says otherwise).
func (h *Handler) ancestor(r *http.Request) string {
	if h.frameAncestor == nil || r.Referer() == "" {
		return ""
	}
	// A browser that says what a page is asked for says when it is no frame.
	if dest := r.Header.Get("Sec-Fetch-Dest"); dest != "" && dest != "iframe" && dest != "frame" {
		return ""
	}
	u, err := url.Parse(r.Referer())
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	origin := u.Scheme + "://" + u.Host
	if strings.ContainsAny(origin, ";, '\"\t\r\n*") || !h.frameAncestor(r.Context(), origin) {
		return ""
	}
	return origin
}

func setSecurity(header http.Header) {
	header.Set("Content-Security-Policy", policy("'none'"))
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Permissions-Policy", "camera=(self), microphone=(self), display-capture=(self), speaker-selection=(self), "+
		"screen-wake-lock=(self), fullscreen=(self), clipboard-write=(self), autoplay=(self), "+
		"geolocation=(), payment=(), usb=(), serial=(), hid=(), midi=(), browsing-topics=()")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// choose picks the coding and sets the headers that describe it.
func (a *asset) choose(header http.Header, r *http.Request) variant {
	header.Set("Content-Type", a.contentType)
	header.Set("Vary", "Accept-Encoding")
	if len(a.gzip.body) == 0 || !acceptsGzip(r.Header.Get("Accept-Encoding")) {
		return a.plain
	}
	header.Set("Content-Encoding", "gzip")
	return a.gzip
}

// acceptsGzip reads Accept-Encoding (RFC 9110 §12.5.3) as far as gzip goes.
func acceptsGzip(accept string) bool {
	return slices.ContainsFunc(strings.Split(accept, ","), func(item string) bool {
		coding, params, _ := strings.Cut(strings.TrimSpace(item), ";")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			return false
		}
		weight := strings.ReplaceAll(params, " ", "")
		return weight != "q=0" && !strings.HasPrefix(weight, "q=0.000")
	})
}

func (h *Handler) notFound(w http.ResponseWriter, r *http.Request) {
	a := h.assets[notFoundPath]
	w.Header().Set("Content-Type", a.contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNotFound)
	if r.Method == http.MethodGet {
		_, _ = w.Write(a.plain.body) // the client has gone: nothing to do
	}
}
