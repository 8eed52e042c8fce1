//go:build prometheus

package chart

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestRulesOfSeveralReleases has promtool evaluate the rules that four releases of one
// namespace bring, together: they must tell what the chart's file tells by itself of all of
// them, each thing once. What is gone they know better, which testdata/gone_test.yaml tells.
func TestRulesOfSeveralReleases(t *testing.T) {
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Fatalf("%v: apt-get install prometheus, brew install prometheus", err)
	}
	dir := t.TempDir()
	rules := map[string]string{} // the files, by release
	for release, over := range map[string]string{
		"a": "canary: {enabled: true}\nbackfill: {enabled: true}\nsecrets: {aircallAPI: {existingSecret: aircall}}\nsettings: {aircall: {api_id: example}}",
		"b": "", "c": "", "d": "",
	} {
		texts, err := renderAs(loadChart(t), minimal(t, "prometheusRule: {enabled: true}\n"+over), "calls", release)
		if err != nil {
			t.Fatal(err)
		}
		var object struct{ Spec any }
		if err := yaml.Unmarshal([]byte(texts["prometheusrule.yaml"]), &object); err != nil {
			t.Fatal(err)
		}
		rules[release] = filepath.Join(dir, release+".yaml")
		writeYAML(t, rules[release], object.Spec)
	}
	suites, err := filepath.Glob("../promql/alerts/*_test.yaml")
	if err != nil || len(suites) == 0 {
		t.Fatalf("there are no suites: %v", err)
	}
	for _, path := range append(suites, "testdata/gone_test.yaml") {
		if strings.HasPrefix(path, "../promql/alerts/gone_") {
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var suite map[string]any
			if err := yaml.Unmarshal(text, &suite); err != nil {
				t.Fatal(err)
			}
			var named []string
			for release, file := range rules {
				if strings.Contains(string(text), `release="`+release+`"`) {
					named = append(named, file)
				}
			}
			suite["rule_files"] = named
			copied := filepath.Join(dir, filepath.Base(path))
			writeYAML(t, copied, suite)
			if out, err := exec.Command("promtool", "test", "rules", copied).CombinedOutput(); err != nil {
				t.Errorf("promtool test rules: %v\n%s", err, out)
			}
		})
	}
}

func writeYAML(t *testing.T, path string, value any) {
	t.Helper()
	text, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
