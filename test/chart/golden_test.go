package chart

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
)

var update = flag.Bool("update", false, "write the golden renders anew")

// TestGolden compares what each file of values renders to with what was reviewed.
// Dashboards and alerts have tests of their own: here is one of each.
func TestGolden(t *testing.T) {
	eachValues(t, func(t *testing.T, name string, values chartutil.Values) {
		c := loadChart(t)
		c.Metadata.Version, c.Metadata.AppVersion = "0.0.0", "0.0.0" // a release changes no golden render
		c.Files = slices.DeleteFunc(c.Files, func(f *chart.File) bool {
			return strings.HasPrefix(f.Name, "dashboards/") || strings.HasPrefix(f.Name, "rules/")
		})
		c.Files = append(c.Files,
			&chart.File{Name: "dashboards/overview.json", Data: []byte("{\n  \"title\": \"{{pod}}\"\n}\n")},
			&chart.File{Name: "rules/callfold.yaml", Data: []byte("groups:\n  - name: callfold\n    rules:\n      - alert: Example\n        expr: vector(1)\n")})
		texts, err := render(c, values)
		if err != nil {
			t.Fatal(err)
		}
		got := joined(texts)
		path := filepath.Join("testdata", "golden", name+".yaml")
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatalf("%v\nWrite it with: go test -run TestGolden -update", err)
		}
		if line, wanted, is := firstDifference(string(want), got); line > 0 {
			t.Errorf("%s:%d:\n  reviewed: %s\n  rendered: %s\nIf that is right: go test -run TestGolden -update, and review the difference.", path, line, wanted, is)
		}
	})
	t.Run("none is left over", func(t *testing.T) {
		paths, err := filepath.Glob("testdata/golden/*.yaml")
		if err != nil {
			t.Fatal(err)
		}
		files := valuesFiles(t)
		for _, path := range paths {
			if _, there := files[strings.TrimSuffix(filepath.Base(path), ".yaml")]; !there {
				t.Errorf("%s is of values that are not there any more", path)
			}
		}
	})
}

// joined is a render as one text, by the names of the templates.
func joined(texts map[string]string) string {
	var all strings.Builder
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		fmt.Fprintf(&all, "# ---------- %s ----------\n%s\n", name, strings.TrimSpace(texts[name]))
	}
	return all.String()
}

// firstDifference is the first line in which two texts differ, from 1, and what it
// is in each; 0 when they are the same.
func firstDifference(a, b string) (line int, inA, inB string) {
	if a == b {
		return 0, "", ""
	}
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range max(len(as), len(bs)) {
		inA, inB = "(the end)", "(the end)"
		if i < len(as) {
			inA = as[i]
		}
		if i < len(bs) {
			inB = bs[i]
		}
		if inA != inB {
			return i + 1, inA, inB
		}
	}
	return 0, "", ""
}
