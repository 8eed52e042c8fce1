package dashboards

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write the files of the chart")

// files are the chart's dashboards.
const files = "../../charts/callfold/dashboards"

// The committed files are what the code makes, and there are no others.
func TestGolden(t *testing.T) {
	want := map[string]bool{}
	for _, d := range All() {
		got, err := d.JSON()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(files, d.Name+".json")
		want[path] = true
		if *update {
			if err := os.MkdirAll(files, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		committed, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(committed) != string(got) {
			t.Errorf("%s is not what the code makes: look at the difference after go test ./internal/dashboards -update", path)
		}
	}
	found, err := filepath.Glob(files + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		if !want[path] {
			t.Errorf("%s is no dashboard of ours", path)
		}
	}
}

// A line of panels ends where the page does, and leaves no holes.
func TestLinesAreFull(t *testing.T) {
	for _, d := range All() {
		for _, row := range d.Rows {
			x, tall := 0, 0
			for _, p := range row.Panels {
				w, h := p.size()
				if x == lineWidth {
					x = 0
				}
				if x > 0 && h != tall {
					t.Errorf("%s: %q is %d tall, beside a panel of %d", d.Name, p.Title, h, tall)
				}
				x, tall = x+w, h
				if x > lineWidth {
					t.Fatalf("%s: %q begins a new line, and leaves a hole in the last", d.Name, p.Title)
				}
			}
			if x != lineWidth {
				t.Errorf("%s: the last line of %q is %d of %d columns wide", d.Name, row.Title, x, lineWidth)
			}
		}
	}
}
