//go:build long

package control_test

import (
	"bytes"
	"encoding/csv"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/report"
)

// R-RP: another program opens the CSV and comes to the same totals: LibreOffice
// reads it, recalculates, and writes what its cells show. A cell that it
// executed would show something else.
func TestCSVInLibreOffice(t *testing.T) {
	office, err := exec.LookPath("soffice")
	if err != nil {
		t.Skip("LibreOffice is missing: apt-get install libreoffice-calc (.ci/install long)")
	}
	f := newClinic(t, control.AreaSettings{})
	var areas []control.Area
	for _, name := range []string{"=1+1", "+2", "-3", "@SUM(A1:A9)", `Comma, "quoted"`, "Ünïcode"} {
		areas = append(areas, f.newArea(name, control.AreaSettings{}))
	}
	for i := range 40 {
		g := f.enter(areas[i%len(areas)].Link, canaryName)
		f.connect(g.join)
		f.step(time.Duration(i) * 777 * time.Millisecond)
		if i%3 > 0 {
			f.admit(f.dr, g, control.AdmitSpec{})
			f.step(time.Duration(i) * 3331 * time.Millisecond)
		}
		f.left(g.pid(), control.DepartedLeft)
	}
	f.step(time.Minute)
	for _, kind := range []report.Type{report.Consultations, report.Areas} {
		ours, err := csv.NewReader(bytes.NewReader(f.reportOn(kind, report.Query{Format: "csv"}))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		shown := throughOffice(t, office, f.reportOn(kind, report.Query{Format: "csv"}))
		if len(shown) != len(ours) {
			t.Fatalf("%s: LibreOffice shows %d rows; want %d", kind, len(shown), len(ours))
		}
		for column, name := range ours[0] {
			if strings.Contains(" wait_s hold_s duration_s peak_participants arrivals seen abandoned minutes wait_mean_s ", " "+name+" ") {
				if a, b := sum(t, ours, column), sum(t, shown, column); math.Abs(a-b) > 1e-6 {
					t.Errorf("%s: %s comes to %g in LibreOffice; want %g", kind, name, b, a)
				}
			}
			if name == "area" {
				for i := range ours {
					if a, b := strings.TrimPrefix(ours[i][column], "'"), strings.TrimPrefix(shown[i][column], "'"); a != b {
						t.Errorf("%s: an area is %q in LibreOffice; want %q", kind, b, a)
					}
				}
			}
		}
	}
}

func sum(t *testing.T, records [][]string, column int) float64 {
	t.Helper()
	var all float64
	for _, r := range records[1:] {
		if r[column] == "" {
			continue
		}
		v, err := strconv.ParseFloat(r[column], 64)
		if err != nil {
			t.Fatalf("%q is no number", r[column])
		}
		all += v
	}
	return all
}

// throughOffice opens CSV as a spreadsheet, and saves that as CSV.
func throughOffice(t *testing.T, office string, data []byte) [][]string {
	t.Helper()
	dir := t.TempDir()
	run := func(infilter, to, from string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), office, "-env:UserInstallation=file://"+filepath.Join(dir, "profile"), "--headless", "--norestore",
			// What the import's dialog asks, and what is sent says: commas, quotes, UTF-8 (76).
			"--infilter="+infilter, "--convert-to", to, "--outdir", dir, from)
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	in := filepath.Join(dir, "report.csv")
	if err := os.WriteFile(in, data, 0o600); err != nil {
		t.Fatal(err)
	}
	run("CSV:44,34,76,1", "ods", in)
	if err := os.Remove(in); err != nil {
		t.Fatal(err)
	}
	run("calc8", "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false", filepath.Join(dir, "report.ods"))
	file, err := os.Open(in)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	records, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return records
}
