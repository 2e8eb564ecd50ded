// Package webtest drives Debian's Chromium from Go tests: it starts one with a
// fake camera and microphone, and fails the test when a page throws or the
// browser blocks something. It is for tests only.
package webtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

const (
	// testTime bounds the time in the browser of a test that names none.
	testTime = 240 * time.Second
	// Patience is how long Eventually waits for what takes a second or two.
	Patience = 30 * time.Second
)

// Step is something to be done in a page.
type Step = chromedp.Action[chromedp.Void]

// Chromium returns the path of a browser. Without one it skips the test; in CI
// that is a failure.
func Chromium(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("no Chromium: install the package chromium")
	}
	t.Skip("no Chromium: install the package chromium to run the browser tests")
	return ""
}

// Browser starts a Chromium of its own for the test and returns its first page.
func Browser(t testing.TB, extra ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	return BrowserFor(t, testTime, extra...)
}

// BrowserFor is Browser for a test that takes as long as limit.
func BrowserFor(t testing.TB, limit time.Duration, extra ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(Chromium(t)),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-renderer-backgrounding", true),
		chromedp.Flag("disable-backgrounding-occluded-windows", true),
		chromedp.Flag("disable-background-timer-throttling", true),
		chromedp.Flag("use-fake-device-for-media-stream", "fps=30"),
		chromedp.Flag("use-fake-ui-for-media-stream", true),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
		chromedp.Flag("force-color-profile", "srgb"),
	)
	options = append(options, extra...)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	return page(t, ctx)
}

// Tab opens another page in the browser that of belongs to.
func Tab(t testing.TB, of context.Context) context.Context {
	t.Helper()
	return page(t, of)
}

func page(t testing.TB, parent context.Context) context.Context {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // starts it
		t.Fatal(err)
	}
	err := chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			t.Errorf("the page threw: %s %s", e.ExceptionDetails.Text, e.ExceptionDetails.Exception.Description)
		case *log.EventEntryAdded:
			if e.Entry.Level == log.EntryLevelError && e.Entry.Source == log.EntrySourceSecurity {
				t.Errorf("the browser blocked something: %s", e.Entry.Text)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

// Run does steps in a page; an error fails the test.
func Run(t testing.TB, ctx context.Context, steps ...Step) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// Eval runs JavaScript whose value, or promise, is of no interest.
func Eval(js string) Step {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Evaluate[any](js+";null", chromedp.EvalAwaitPromise)(ctx, t)
		return chromedp.Void{}, err
	}
}

// Value evaluates a JavaScript expression, awaiting a promise.
func Value[T any](t testing.TB, ctx context.Context, js string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", js, err)
	}
	return v
}

// By selects an element by its data-testid.
func By(id string) chromedp.CSS { return chromedp.CSS(`[data-testid="` + id + `"]`) }

// Eventually waits until a JavaScript expression is true; it may be a promise.
func Eventually(expression string) Step {
	js := fmt.Sprintf(`(async () => {
		const end = performance.now() + %d;
		while (performance.now() < end) {
			if (await (%s)) return true;
			await new Promise((r) => setTimeout(r, 50));
		}
		return false;
	})()`, Patience.Milliseconds(), expression)
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		ok, err := chromedp.Evaluate[bool](js, chromedp.EvalAwaitPromise)(ctx, t)
		if err == nil && !ok {
			err = fmt.Errorf("not within %s: %s", Patience, expression)
		}
		return chromedp.Void{}, err
	}
}

// BeforeLoad runs JavaScript in every document of the page before its own.
func BeforeLoad(js string) Step {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: js})
		return err
	})
}
