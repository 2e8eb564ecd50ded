package api

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// document is what the tests read of the OpenAPI description.
type document struct {
	OpenAPI string `json:"openapi"`
	Servers []any  `json:"servers"`
	Paths   map[string]map[string]struct {
		OperationID string   `json:"operationId"`
		Summary     string   `json:"summary"`
		Tags        []string `json:"tags"`
		Security    []any    `json:"security"`
		Responses   map[string]struct {
			Content map[string]struct {
				Schema struct {
					Ref string `json:"$ref"`
				} `json:"schema"`
			} `json:"content"`
		} `json:"responses"`
	} `json:"paths"`
	Components struct {
		Schemas map[string]any `json:"schemas"`
	} `json:"components"`
}

func TestOpenAPI(t *testing.T) {
	f := newFixture(t)
	doc := must[document](f, http.StatusOK, "GET", "/api/v1/openapi.json", "", "")
	if !strings.HasPrefix(doc.OpenAPI, "3.1") || len(doc.Servers) != 0 {
		t.Errorf("openapi %q, servers %v", doc.OpenAPI, doc.Servers)
	}
	want := documentedRoutes(t)
	for path, methods := range doc.Paths {
		for method, op := range methods {
			name := strings.ToUpper(method) + " " + strings.TrimPrefix(path, prefix)
			row, ok := want[name]
			if !ok {
				t.Errorf("%s is documented and not in the test", name)
			}
			delete(want, name)
			if op.OperationID == "" || op.Summary == "" || len(op.Tags) != 1 {
				t.Errorf("%s is poorly documented: %+v", name, op)
			}
			if public := row.permission == "anyone"; public == (len(op.Security) > 0) {
				t.Errorf("%s: security %v", name, op.Security)
			}
			for status, response := range op.Responses {
				if status < "400" {
					continue
				}
				if response.Content[ProblemType].Schema.Ref != "#/components/schemas/Problem" {
					t.Errorf("%s, %s: the error isn't a Problem: %+v", name, status, response)
				}
			}
		}
	}
	if len(want) != 0 {
		t.Errorf("not documented: %v", want)
	}
	if doc.Components.Schemas["Problem"] == nil || doc.Components.Schemas["ErrorModel"] != nil {
		t.Error("the schemas of errors are another's")
	}
}

// The routes that documents and descriptions of routes name are there.
func TestRoutesThatAreNamed(t *testing.T) {
	f := newFixture(t)
	parameter := regexp.MustCompile(`\{[a-z_]+\}`)
	known := map[string]bool{}
	texts := map[string]string{}
	for _, r := range f.server.routes {
		known[r.method+" "+parameter.ReplaceAllString(r.path, "{}")] = true
		texts["the description of "+r.id] = r.description
	}
	for _, name := range []string{"README.md", "CHANGELOG.md", "signal/PROTOCOL.md"} {
		data, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(data)
	}
	named := regexp.MustCompile("`(GET|POST|PUT|PATCH|DELETE) (?:" + prefix + ")?(/[^ `?]+)")
	found := 0
	for name, text := range texts {
		for _, hit := range named.FindAllStringSubmatch(text, -1) {
			found++
			if !known[hit[1]+" "+parameter.ReplaceAllString(hit[2], "{}")] {
				t.Errorf("%s names %s %s, which there isn't", name, hit[1], hit[2])
			}
		}
	}
	if found < 10 {
		t.Errorf("%d routes were found", found)
	}
}

// Answers have the shape that the description says: no extra fields.
func TestAnswersMatchTheDescription(t *testing.T) {
	f := newFixture(t)
	a := f.do("POST", "/api/v1/rooms", f.key, `{"type":"plain"}`)
	var body map[string]any
	if err := json.Unmarshal(a.body, &body); err != nil {
		t.Fatal(err)
	}
	doc := must[document](f, http.StatusOK, "GET", "/api/v1/openapi.json", "", "")
	properties := doc.Components.Schemas["Room"].(map[string]any)["properties"].(map[string]any)
	for name := range body {
		if properties[name] == nil {
			t.Errorf("the answer's field %s isn't described", name)
		}
	}
	if len(properties) != len(body) {
		t.Errorf("%d fields are described, %d answered", len(properties), len(body))
	}
}

// The page works offline: it loads nothing from elsewhere, and its policy
// wouldn't let it (R-SE-8).
func TestDocs(t *testing.T) {
	f := newFixture(t)
	for path, kind := range map[string]string{
		"/docs": "text/html", "/docs/": "text/html", "/docs/docs.css": "text/css", "/docs/docs.js": "text/javascript",
	} {
		a := f.do("GET", path, "", "")
		if a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Type"), kind) {
			t.Errorf("%s: %d %s", path, a.status, a.header.Get("Content-Type"))
		}
		policy := a.header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", path, policy)
		}
	}
	if a := f.do("GET", "/docs/other", "", ""); a.status != http.StatusNotFound {
		t.Errorf("an unknown file: %d", a.status)
	}
	foreign := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9]+\.|@import|\burl\(|innerHTML|eval\(`)
	inline := regexp.MustCompile(`(?i)<script(>|[^>]*>[^<])|<style|\son[a-z]+=|\sstyle=`)
	err := fs.WalkDir(docsFiles, "docs", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := docsFiles.ReadFile(path)
		if hit := foreign.Find(data); hit != nil {
			t.Errorf("%s contains %q", path, hit)
		}
		if hit := inline.Find(data); hit != nil && strings.HasSuffix(path, ".html") {
			t.Errorf("%s contains %q", path, hit)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	for key, change := range map[string]func(*Config){
		"max_body_bytes":   func(c *Config) { c.MaxBodyBytes = 0 },
		"failure_burst":    func(c *Config) { c.FailureBurst = 0 },
		"failure_interval": func(c *Config) { c.FailureInterval = 0 },
	} {
		c := DefaultConfig()
		change(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), key+": ") {
			t.Errorf("%s: %v", key, err)
		}
	}
}
