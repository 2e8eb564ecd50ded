// Package webtest drives Debian's Chromium from Go tests: it starts one with a
// fake camera and microphone, and fails the test when a page throws or the
// browser blocks something. It is for tests only.
package webtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
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
			t.Errorf("the page threw: %s", thrown(e.ExceptionDetails))
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

// thrown is what a page has thrown, which needn't be an object.
func thrown(d *runtime.ExceptionDetails) string {
	if d.Exception == nil {
		return d.Text
	}
	return d.Text + " " + d.Exception.Description
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
// One that throws isn't true yet: what it asks may not be there.
func Eventually(expression string) Step {
	js := fmt.Sprintf(`(async () => {
		let said = '';
		for (const end = performance.now() + %d; performance.now() < end;) {
			try {
				if (await (%s)) return '';
				said = '';
			} catch (err) {
				said = String(err);
			}
			await new Promise((r) => setTimeout(r, 50));
		}
		return 'never true; ' + said;
	})()`, Patience.Milliseconds(), expression)
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		fault, err := look[string](ctx, t, js)
		if err == nil && fault != "" {
			err = fmt.Errorf("not within %s: %s: %s", Patience, expression, fault)
		}
		return chromedp.Void{}, err
	}
}

// look evaluates JavaScript; if the page goes meanwhile, in the one that follows.
func look[T any](ctx context.Context, t *chromedp.Target, js string) (T, error) {
	for end := time.Now().Add(Patience); ; {
		v, err := chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise)(ctx, t)
		gone := (*cdproto.Error)(nil) // of the browser; what the page throws is another
		if err == nil || !errors.As(err, &gone) || time.Now().After(end) {
			return v, err
		}
		select {
		case <-ctx.Done():
			return v, err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Click presses an element as a person does: once it stands still, and nothing
// (such as a dialog that is about to close) is before it. chromedp.Click presses
// where it was, whatever is there now.
func Click(sel chromedp.CSS) Step {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		at, err := look[clickPoint](ctx, t, fmt.Sprintf(standsStill, string(sel), Patience.Milliseconds()))
		if err != nil {
			return chromedp.Void{}, err
		}
		if at.Fault != "" {
			return chromedp.Void{}, fmt.Errorf("%s can't be pressed for %s: %s", sel, Patience, at.Fault)
		}
		return chromedp.MouseClickXY(at.X, at.Y)(ctx, t)
	}
}

// clickPoint is the middle of an element, in CSS pixels of the viewport.
type clickPoint struct {
	X, Y  float64
	Fault string
}

const standsStill = `(async (selector, patience) => {
	const frame = () => new Promise((next) => {
		requestAnimationFrame(next);
		setTimeout(next, 100); // of a page that isn't drawn
	});
	const middle = (e) => {
		const { left, top, width, height } = e.getBoundingClientRect();
		return { X: left + width / 2, Y: top + height / 2, seen: width > 0 && height > 0 };
	};
	let Fault = '', block = 'nearest';
	for (const end = performance.now() + patience; performance.now() < end; await new Promise((r) => setTimeout(r, 20))) {
		const e = document.querySelector(selector);
		Fault = 'it is not there';
		if (!e) continue;
		e.scrollIntoView({ block, inline: 'nearest', behavior: 'instant' });
		block = 'center'; // away from what stands at the edges
		const before = middle(e);
		await frame();
		const { X, Y, seen } = middle(e);
		Fault = 'it is not shown';
		if (!seen) continue;
		Fault = 'it moves';
		if (X !== before.X || Y !== before.Y) continue;
		const hit = document.elementFromPoint(X, Y);
		Fault = 'before it is ' + (hit?.outerHTML.slice(0, 100) ?? 'nothing: it is outside of the window');
		if (hit && e.contains(hit)) return { X, Y, Fault: '' };
	}
	return { X: 0, Y: 0, Fault };
})(%q, %d)`

// BeforeLoad runs JavaScript in every document of the page before its own.
func BeforeLoad(js string) Step {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: js})
		return err
	})
}
