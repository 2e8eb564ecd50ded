package architecture

// Module is the path that import paths of ours begin with.
const Module = "github.com/atriumrtc/atrium"

// folders are the top-level folders that hold Go code. Another one is a change
// of the design, not of the code.
var folders = []string{"bench", "cmd", "configs", "control", "media", "signal", "turn"}

// A rule is what the packages at and below a folder may import of ours. The
// rule of the longest folder holds. Packages below the same rule's folder may
// always import each other, unless a longer rule says otherwise for them.
type rule struct {
	folder string
	// may names packages; "x/..." means x and what is below it, "..." all.
	may []string
	// tests names what _test files may import beyond that.
	tests []string
	// never names imports from elsewhere that would break the layer's promise,
	// as prefixes.
	never []string
}

// serverOnly are the libraries that belong to the binary: a package that
// another program embeds brings none of them along.
var serverOnly = []string{
	"github.com/spf13/",
	"github.com/prometheus/",
	"go.yaml.in/",
}

// rules are the import rules of the design. Tests anywhere may use bench/link.
var rules = []rule{
	{folder: "cmd", may: []string{"..."}},
	{folder: "configs", may: []string{
		"media", "signal", "turn", "control", "control/store", "control/auth", "control/notify", "control/api",
	}},
	{folder: "media", may: []string{"media/internal/..."},
		never: append([]string{"net/http", "github.com/coder/websocket"}, serverOnly...)},
	{folder: "media/internal", may: nil, tests: []string{"turn"},
		never: append([]string{"net/http"}, serverOnly...)},
	{folder: "signal", may: []string{"media", "signal/message"},
		tests: []string{"signal/client/..."}, never: serverOnly},
	{folder: "signal/message", may: nil, never: serverOnly},
	{folder: "signal/client", may: []string{"signal/message"},
		tests: []string{"media", "signal"}, never: serverOnly},
	{folder: "signal/sdk", may: nil, never: serverOnly},
	{folder: "control", may: []string{"control/store", "control/report"},
		tests: []string{"control/auth"}, never: serverOnly},
	{folder: "control/store", may: nil, never: serverOnly},
	{folder: "control/report", may: nil, never: append([]string{"net/http"}, serverOnly...)},
	{folder: "control/auth", may: []string{"control/store"}, never: serverOnly},
	{folder: "control/notify", may: []string{"control/store"}, never: serverOnly},
	{folder: "control/api", may: []string{"control", "control/auth", "control/store", "control/notify", "control/report"},
		tests: []string{"control/api/client", "control/controltest"}, never: serverOnly},
	{folder: "control/api/client", may: nil,
		tests: []string{"control/api", "control", "control/auth", "control/store", "control/controltest"}, never: serverOnly},
	{folder: "control/web", may: []string{"signal/sdk"}, never: serverOnly},
	{folder: "turn", may: nil, never: serverOnly},
	{folder: "bench", may: []string{"signal/client/...", "signal/message", "control/api/client"}, never: serverOnly},
}
