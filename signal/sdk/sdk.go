package sdk

import (
	"embed"
	"io/fs"
)

//go:embed js/*.js
var modules embed.FS

// Files returns the ES modules of the SDK, index.js among them, at the root
// of a read-only file system.
func Files() (fs.FS, error) {
	return fs.Sub(modules, "js")
}
