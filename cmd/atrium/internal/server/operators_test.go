package server

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/atriumrtc/atrium/cmd/internal/testkit"
)

// TestOperatorsFiles: the alerts and the dashboard ask only for metrics that
// the server exports.
func TestOperatorsFiles(t *testing.T) {
	const folder = "../../../../configs/"
	alerts, err := os.ReadFile(folder + "prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	dashboard, err := os.ReadFile(folder + "grafana/atrium.json")
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	if err := yaml.Unmarshal(alerts, &rules); err != nil || len(rules.Groups) == 0 {
		t.Fatalf("alerts: %v", err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(dashboard, &board); err != nil || len(board.Panels) == 0 {
		t.Fatalf("dashboard: %v", err)
	}
	asked := map[string]string{} // expression by who asks
	for _, group := range rules.Groups {
		for _, r := range group.Rules {
			asked["alert "+r.Alert] = r.Expr
		}
	}
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			asked["panel "+p.Title] += " " + target.Expr
		}
	}
	s := start(t, Options{Config: testConfig(t)})
	_, exported := testkit.Get(t, s.MetricsURL()+"/metrics")
	name := regexp.MustCompile(`\b(atrium|process|go)_[a-z_]+`)
	for who, expr := range asked {
		names := name.FindAllString(expr, -1)
		if len(names) == 0 && !strings.Contains(expr, "up{") {
			t.Errorf("%s asks for nothing: %s", who, expr)
		}
		for _, n := range names {
			if !strings.Contains(exported, "\n"+n+" ") && !strings.Contains(exported, "\n"+n+"{") {
				t.Errorf("%s asks for %s, which isn't exported", who, n)
			}
		}
	}
}
