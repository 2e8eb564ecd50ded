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

// R-RP: another program opens CSV and XLSX and comes to the same totals:
// LibreOffice reads them, recalculates, and writes what its cells show. A cell
// that it executed would show something else.
func TestReportsInLibreOffice(t *testing.T) {
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
		sameInOffice(t, kind, ours, throughOffice(t, office, f.reportOn(kind, report.Query{Format: "csv"})))
		shown := bookThroughOffice(t, office, f.reportOn(kind, report.Query{Format: "xlsx"}))
		sameInOffice(t, kind, ours, shown)
		for column, name := range ours[0] {
			for i := 1; i < len(ours) && (name == "arrived" || name == "ended"); i++ {
				at, err := time.Parse(time.RFC3339, ours[i][column])
				if err != nil || shown[i][column] != at.Format(time.DateTime) {
					t.Errorf("%s: %s is %q in LibreOffice; want %s, %v", kind, name, shown[i][column], at, err)
				}
			}
		}
	}
}

// sameInOffice compares what LibreOffice shows.
func sameInOffice(t *testing.T, kind report.Type, ours, shown [][]string) {
	t.Helper()
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

// asCSV has LibreOffice write what cells show: commas, quotes, UTF-8 (76).
const asCSV = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false"

// throughOffice opens CSV as a spreadsheet, and saves that as CSV.
func throughOffice(t *testing.T, office string, data []byte) [][]string {
	t.Helper()
	dir := t.TempDir()
	in := filepath.Join(dir, "report.csv")
	if err := os.WriteFile(in, data, 0o600); err != nil {
		t.Fatal(err)
	}
	// What the import's dialog asks, and what is sent says.
	convert(t, office, "CSV:44,34,76,1", "ods", in)
	if err := os.Remove(in); err != nil {
		t.Fatal(err)
	}
	convert(t, office, "calc8", asCSV, filepath.Join(dir, "report.ods"))
	return csvIn(t, in)
}

// bookThroughOffice opens a workbook, and saves its first sheet as CSV.
func bookThroughOffice(t *testing.T, office string, data []byte) [][]string {
	t.Helper()
	in := filepath.Join(t.TempDir(), "report.xlsx")
	if err := os.WriteFile(in, data, 0o600); err != nil {
		t.Fatal(err)
	}
	convert(t, office, "Calc MS Excel 2007 XML", asCSV, in)
	return csvIn(t, strings.TrimSuffix(in, ".xlsx")+".csv")
}

// convert has LibreOffice convert a file into another one beside it.
func convert(t *testing.T, office, infilter, to, from string) {
	t.Helper()
	dir := filepath.Dir(from)
	cmd := exec.CommandContext(t.Context(), office, "-env:UserInstallation=file://"+filepath.Join(dir, "profile"), "--headless", "--norestore",
		"--infilter="+infilter, "--convert-to", to, "--outdir", dir, from)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func csvIn(t *testing.T, path string) [][]string {
	t.Helper()
	file, err := os.Open(path)
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
