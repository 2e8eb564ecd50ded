package endtoend

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/atriumrtc/atrium/cmd/internal/testkit"
	"github.com/atriumrtc/atrium/control/api/client"
	"github.com/atriumrtc/atrium/control/web/webtest"
)

// inFrame waits until an expression is true in the page's first frame, which
// is of another origin.
func inFrame(expression string) webtest.Step {
	js := fmt.Sprintf(`(async () => {
		for (const end = performance.now() + 1000; performance.now() < end;) {
			if (await (%s)) return true;
			await new Promise((r) => setTimeout(r, 50));
		}
		return false;
	})()`, expression)
	try := func(ctx context.Context, t *chromedp.Target) (bool, error) {
		tree, err := cdp.Call(ctx, t, cdppage.GetFrameTree, cdp.Empty{})
		if err != nil || len(tree.FrameTree.ChildFrames) == 0 {
			return false, err
		}
		world, err := cdp.Call(ctx, t, cdppage.CreateIsolatedWorld,
			cdppage.CreateIsolatedWorldParams{FrameID: tree.FrameTree.ChildFrames[0].Frame.ID})
		if err != nil {
			return false, err
		}
		yes := true
		result, err := cdp.Call(ctx, t, runtime.Evaluate, runtime.EvaluateParams{
			Expression: js, ContextID: world.ExecutionContextID, AwaitPromise: &yes, ReturnByValue: &yes,
		})
		if err != nil || result.Result == nil {
			return false, nil // the frame was loaded anew meanwhile
		}
		ok := false
		_ = json.Unmarshal(result.Result.Value, &ok) // else it isn't true
		return ok, nil
	}
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		for end := time.Now().Add(webtest.Patience); time.Now().Before(end); {
			if ok, err := try(ctx, t); ok || err != nil {
				return err
			}
		}
		return fmt.Errorf("not in the frame within %s: %s", webtest.Patience, expression)
	})
}

// SE-8: a page of an origin that the organisation lists shows a guest's link in
// a frame, and everything works there, though the browser keeps no cookie of
// the frame's: waiting, what the provider writes, and a reload.
func TestGuestInAFrame(t *testing.T) {
	k := &killable{t: t, dir: t.TempDir(), port: freePort(t)}
	k.start()
	defer func() { k.kill() }()
	var link string
	embedder := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, `<!doctype html><title>App</title><iframe src="%s" referrerpolicy="origin"
			allow="camera; microphone; display-capture" width="700" height="700"></iframe>`, html.EscapeString(link))
	}))
	defer embedder.Close()
	app := strings.Replace(embedder.URL, "127.0.0.1", "localhost", 1) // another site than the server's
	org, err := k.operator().CreateOrganisation(t.Context(), client.OrganisationSpec{
		Name: "Clinic", Settings: client.OrganisationSettings{AllowedOrigins: []string{app}},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, k.url(), org.APIKey.Secret)
	unit, err := c.CreateUnit(t.Context(), org.Organisation.ID, client.UnitSpec{Name: "Unit"}, "")
	if err != nil {
		t.Fatal(err)
	}
	area, err := c.CreateArea(t.Context(), unit.Unit.ID, client.AreaSpec{Name: "Area"}, "")
	if err != nil {
		t.Fatal(err)
	}
	link = area.Link
	one := func(what string, is func(client.Visit) bool) client.Visit {
		t.Helper()
		var q client.Queue
		testkit.Until(t, what, func() bool {
			if q, err = c.Queue(t.Context(), area.ID); err != nil {
				t.Fatal(err)
			}
			return len(q.Visits) == 1 && is(q.Visits[0])
		}, k.logs.String)
		return q.Visits[0]
	}

	ctx := webtest.Browser(t, chromedp.Flag("disable-site-isolation-trials", true),
		chromedp.Flag("disable-features", "IsolateOrigins,site-per-process"))
	p := &person{t, ctx, "Maria"}
	by := func(id string) string { return `document.querySelector('[data-testid=` + id + `]')` }
	p.do(
		chromedp.Navigate(app+"/"),
		inFrame(by("pre-cam")+`?.dataset.on === 'true'`),
		inFrame(`(() => {
			const name = `+by("name")+`;
			if (!name) return false;
			name.value = 'Maria';
			name.dispatchEvent(new Event('input', { bubbles: true }));
			`+by("enter")+`.click();
			return true;
		})()`),
		inFrame(by("waiting")+`.hidden === false`),
	)
	visit := one("Maria waiting, connected", func(v client.Visit) bool { return v.Connected && v.Fields["name"] == "Maria" })
	if _, err := c.MessageVisit(t.Context(), visit.ID, "In five minutes."); err != nil {
		t.Fatal(err)
	}
	p.do(inFrame(by("messages") + `.textContent.includes('In five minutes.')`))
	p.do(
		chromedp.Navigate(app+"/?again"),
		inFrame(by("waiting")+`.hidden === false`),
		inFrame(by("messages")+`.textContent.includes('In five minutes.')`),
	)
	if again := one("Maria back", func(v client.Visit) bool { return v.Connected }); again.ID != visit.ID {
		t.Errorf("after a reload there is another visit")
	}
	if _, err := c.DenyVisit(t.Context(), visit.ID, "We are closing."); err != nil {
		t.Fatal(err)
	}
	p.do(inFrame(by("end") + `.hidden === false`))
}
