package web_test

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/atriumrtc/atrium/control/web"
	"github.com/atriumrtc/atrium/signal/sdk"
)

func handler(t *testing.T, o web.Options) *web.Handler {
	t.Helper()
	h, err := web.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func ask(h http.Handler, method, path string, header ...string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestRoutes(t *testing.T) {
	h := handler(t, web.Options{})
	for _, row := range []struct {
		method, path string
		status       int
		contentType  string
	}{
		{"GET", "/", 200, "text/html; charset=utf-8"},
		{"GET", "/r", 200, "text/html; charset=utf-8"},
		{"HEAD", "/r", 200, "text/html; charset=utf-8"},
		{"GET", "/e", 200, "text/html; charset=utf-8"},
		{"GET", "/i", 200, "text/html; charset=utf-8"},
		{"GET", "/console", 200, "text/html; charset=utf-8"},
		{"GET", "/assets/room.js", 200, "text/javascript; charset=utf-8"},
		{"GET", "/assets/base.css", 200, "text/css; charset=utf-8"},
		{"GET", "/assets/icon.svg", 200, "image/svg+xml"},
		{"GET", "/sdk/index.js", 200, "text/javascript; charset=utf-8"},
		{"GET", "/robots.txt", 200, "text/plain; charset=utf-8"},
		{"GET", "/r/", 404, "text/html; charset=utf-8"},
		{"GET", "/404", 404, "text/html; charset=utf-8"},
		{"GET", "/assets/", 404, "text/html; charset=utf-8"},
		{"GET", "/assets/../web.go", 404, "text/html; charset=utf-8"},
		{"HEAD", "/nothing", 404, "text/html; charset=utf-8"},
		{"POST", "/e", 405, "text/plain; charset=utf-8"},
		{"POST", "/r", 405, "text/plain; charset=utf-8"},
		{"DELETE", "/", 405, "text/plain; charset=utf-8"},
		{"OPTIONS", "/", 405, "text/plain; charset=utf-8"},
	} {
		t.Run(row.method+row.path, func(t *testing.T) {
			res := ask(h, row.method, row.path)
			if res.StatusCode != row.status || res.Header.Get("Content-Type") != row.contentType {
				t.Errorf("got %d %s, want %d %s", res.StatusCode, res.Header.Get("Content-Type"), row.status, row.contentType)
			}
			body, _ := io.ReadAll(res.Body)
			if row.method == "HEAD" && len(body) != 0 {
				t.Errorf("HEAD has a body of %d bytes", len(body))
			}
			if row.status == 405 && res.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("Allow is %q", res.Header.Get("Allow"))
			}
			checkSecurity(t, res.Header)
		})
	}
}

// SE-8: every answer, errors included, carries the policy.
func checkSecurity(t *testing.T, header http.Header) {
	t.Helper()
	csp := header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';", "base-uri 'none'", "frame-ancestors ", "require-trusted-types-for 'script'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("the CSP lacks %q: %s", want, csp)
		}
	}
	if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") {
		t.Errorf("the CSP allows too much: %s", csp)
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"} {
		if got := header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if !strings.Contains(header.Get("Permissions-Policy"), "camera=(self)") {
		t.Errorf("Permissions-Policy is %q", header.Get("Permissions-Policy"))
	}
}

func TestCaching(t *testing.T) {
	h := handler(t, web.Options{})
	plain := ask(h, "GET", "/assets/room.js")
	packed := ask(h, "GET", "/assets/room.js", "Accept-Encoding", "br, gzip;q=0.8")
	if packed.Header.Get("Content-Encoding") != "gzip" || plain.Header.Get("Content-Encoding") != "" {
		t.Fatalf("codings are %q and %q", packed.Header.Get("Content-Encoding"), plain.Header.Get("Content-Encoding"))
	}
	want, _ := io.ReadAll(plain.Body)
	unpacked, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(unpacked); string(got) != string(want) || len(got) == 0 {
		t.Errorf("the packed body is not the plain one")
	}
	if plain.Header.Get("ETag") == packed.Header.Get("ETag") {
		t.Errorf("two codings share the ETag %s", plain.Header.Get("ETag"))
	}
	for _, res := range []*http.Response{plain, packed} {
		if res.Header.Get("Vary") != "Accept-Encoding" || res.Header.Get("Cache-Control") != "no-cache" {
			t.Errorf("headers are %v", res.Header)
		}
	}
	again := ask(h, "GET", "/assets/room.js", "If-None-Match", `"other", W/`+plain.Header.Get("ETag"))
	if again.StatusCode != http.StatusNotModified {
		t.Errorf("a fresh copy is answered by %d", again.StatusCode)
	}
	if res := ask(h, "GET", "/assets/room.js", "Accept-Encoding", "gzip;q=0"); res.Header.Get("Content-Encoding") != "" {
		t.Errorf("gzip was refused and sent")
	}
}

func TestSharing(t *testing.T) {
	h := handler(t, web.Options{})
	if got := ask(h, "GET", "/sdk/index.js").Header.Get("Access-Control-Allow-Origin"); got != "*" {
		t.Errorf("the SDK cannot be imported by other origins: %q", got)
	}
	if got := ask(h, "GET", "/assets/room.js").Header.Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("the pages' own modules are shared: %q", got)
	}
}

// SE-8: the pages of guests' links are shown in a frame of the page that asks
// for them, if it is listed; the staff's in none, and nobody is told whose
// pages are.
func TestFrameAncestors(t *testing.T) {
	const listed = "https://app.example.org"
	h := handler(t, web.Options{FrameAncestor: func(_ context.Context, origin string) bool { return origin == listed }})
	for _, row := range []struct{ path, referer, dest, want string }{
		{"/e", listed + "/booking?x=1", "iframe", listed},
		{"/r", listed + "/", "iframe", listed},
		{"/e", listed + "/", "", listed}, // a browser that doesn't say
		{"/e", listed + "/", "document", "'none'"},
		{"/e", "https://evil.example/", "iframe", "'none'"},
		{"/e", "http://app.example.org/", "iframe", "'none'"},
		{"/e", listed + ".evil.example/", "iframe", "'none'"},
		{"/e", "https://" + "user@app.example.org/", "iframe", listed},
		{"/e", "", "iframe", "'none'"},
		{"/e", "javascript:x", "iframe", "'none'"},
		{"/console", listed + "/", "iframe", "'none'"},
		{"/i", listed + "/", "iframe", "'none'"},
		{"/", listed + "/", "iframe", "'none'"},
		{"/nothing", listed + "/", "iframe", "'none'"},
	} {
		r := httptest.NewRequest(http.MethodGet, row.path, nil)
		r.Header.Set("Referer", row.referer)
		r.Header.Set("Sec-Fetch-Dest", row.dest)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors "+row.want+";") {
			t.Errorf("%s in a frame of %q (%s): %s", row.path, row.referer, row.dest, csp)
		}
		if row.want == listed && !slices.Contains(w.Header().Values("Vary"), "Referer") {
			t.Errorf("%s doesn't vary by Referer: %v", row.path, w.Header().Values("Vary"))
		}
	}
}

var (
	inline  = regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|javascript:`)
	script  = regexp.MustCompile(`(?is)<script([^>]*)>(.*?)</script>`)
	loaded  = regexp.MustCompile(`(?:src|href)="(/[^"#?]*)"`)
	imports = regexp.MustCompile(`(?:from |import\(?)'([^']+)'`)
	markup  = regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setAttribute\('style`)
)

// SE-8: nothing inline in the pages, nothing that makes markup in the modules,
// and every reference resolves.
func TestPagesAreStrict(t *testing.T) {
	h := handler(t, web.Options{})
	found := func(file, ref string) {
		if ref == "/docs" {
			return // control/api's
		}
		if res := ask(h, "GET", ref); res.StatusCode != 200 {
			t.Errorf("%s refers to %s: %d", file, ref, res.StatusCode)
		}
	}
	pages, err := filepath.Glob("pages/*.html")
	parts, err2 := filepath.Glob("pages/parts/*.html")
	pages, err = append(pages, parts...), errors.Join(err, err2)
	if err != nil || len(pages) < 3 {
		t.Fatalf("pages: %v %v", pages, err)
	}
	for _, file := range pages {
		body := read(t, file)
		if m := inline.FindString(body); m != "" {
			t.Errorf("%s has inline %q", file, m)
		}
		for _, m := range script.FindAllStringSubmatch(body, -1) {
			if strings.TrimSpace(m[2]) != "" || !strings.Contains(m[1], "src=") {
				t.Errorf("%s has an inline script", file)
			}
		}
		for _, m := range loaded.FindAllStringSubmatch(body, -1) {
			found(file, m[1])
		}
	}
	modules, err := filepath.Glob("assets/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range modules {
		body := read(t, file)
		if n := strings.Count(body, "\n"); n > 400 {
			t.Errorf("%s has %d lines, more than 400", file, n)
		}
		if !strings.HasSuffix(file, ".js") {
			continue
		}
		if m := markup.FindString(body); m != "" {
			t.Errorf("%s uses %s", file, m)
		}
		for _, m := range imports.FindAllStringSubmatch(body, -1) {
			found(file, strings.Replace(m[1], "./", "/assets/", 1))
		}
	}
}

// The parts that pages share are in them.
func TestPagesAreWhole(t *testing.T) {
	h := handler(t, web.Options{})
	for _, path := range []string{"/", "/r", "/e", "/i", "/console", "/404"} {
		body, err := io.ReadAll(ask(h, "GET", path).Body)
		page := string(body)
		if err != nil || strings.Contains(page, "{{") || strings.Count(page, "<title>") != 1 || !strings.HasSuffix(page, "</html>\n") {
			t.Errorf("%s: %v\n%s", path, err, page)
		}
		call := path == "/r" || path == "/e" || path == "/console"
		for _, id := range []string{"tiles", "controls", "banner", "polite", "settings"} {
			if n := strings.Count(page, ` id="`+id+`"`); call != (n == 1) {
				t.Errorf("%s has %d %s", path, n, id)
			}
		}
	}
}

// R-CN-4: a link that is pasted into the start page before its script is there
// goes nowhere: browsers send, in the URL, what has a name.
func TestStartPageSendsNothing(t *testing.T) {
	body, err := io.ReadAll(ask(handler(t, web.Options{}), "GET", "/").Body)
	if err != nil {
		t.Fatal(err)
	}
	inputs := regexp.MustCompile(`(?s)<input[^>]*>`).FindAllString(string(body), -1)
	for _, input := range inputs {
		if strings.Contains(input, " name=") {
			t.Errorf("it sends %s", input)
		}
	}
	if len(inputs) == 0 {
		t.Error("there is nothing to paste a link into")
	}
}

func TestServesWholeSDK(t *testing.T) {
	h := handler(t, web.Options{})
	modules, err := sdk.Files()
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(modules, "*.js")
	if err != nil || len(names) == 0 {
		t.Fatalf("modules: %v %v", names, err)
	}
	for _, name := range names {
		if res := ask(h, "GET", "/sdk/"+name); res.StatusCode != 200 {
			t.Errorf("/sdk/%s: %d", name, res.StatusCode)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
