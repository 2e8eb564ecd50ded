package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/atriumrtc/atrium/control/web"
	"github.com/atriumrtc/atrium/control/web/webtest"
)

// fakePages serves the pages with testdata/fake in place of the SDK's index.js.
func fakePages(t *testing.T) *http.ServeMux {
	t.Helper()
	pages, err := web.New(web.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fake, err := os.ReadFile("testdata/fake/index.js")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", pages)
	mux.HandleFunc("GET /sdk/index.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = w.Write(fake)
	})
	return mux
}

// fakeServer serves the pages with the SDK's fake, and an entry that takes the
// link "secret-of-a-room".
func fakeServer(t *testing.T) *httptest.Server {
	t.Helper()
	mux := fakePages(t)
	mux.HandleFunc("POST /api/v1/entry", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Link   string            `json:"link"`
			Fields map[string]string `json:"fields"`
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Link != "secret-of-a-room" || in.Fields["name"] == "" {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"status":404,"code":"not_found","title":"Not Found"}`))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"token":"t","participant_id":"self","signal_url":"wss://elsewhere.invalid/api/v1/signal"}`))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

const cameraOn = `document.querySelector('[data-testid=pre-cam]').dataset.on === 'true'`

// enterCall opens the room page with a query for the fake and joins.
func enterCall(base, query string) webtest.Step {
	return chromedp.Steps(
		chromedp.Navigate(base+"/r?"+query+"#secret-of-a-room"),
		chromedp.WaitVisible(webtest.By("name")),
		webtest.Eventually(cameraOn),
		webtest.Eval(`document.querySelector('[data-testid=name]').value = ''`),
		chromedp.SendKeys(webtest.By("name"), "Maria Lopez"),
		webtest.Click(webtest.By("join")),
		chromedp.WaitVisible(webtest.By("call")),
		webtest.Eventually(`document.querySelectorAll('[data-testid=tile]').length > 0`),
	)
}

// prefer emulates the colour scheme, and little motion.
func prefer(colours string) webtest.Step {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: colours}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		return err
	})
}

// picture writes what the page looks like to a PNG file.
func picture(path string) webtest.Step {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		png, err := chromedp.CaptureScreenshot()(ctx, t)
		if err != nil {
			return err
		}
		return os.WriteFile(path, png, 0o644)
	})
}

// onNewDocument runs a script before those of every page.
func onNewDocument(js string) webtest.Step {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: js})
		return err
	})
}
