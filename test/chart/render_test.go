package chart

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
)

// chartDir is the chart, seen from this folder.
const chartDir = "../../charts/callfold"

// kubeVersion is the oldest Kubernetes that the chart is for.
const kubeVersion = "1.30.0"

// loadChart reads the chart as helm would.
func loadChart(t testing.TB) *chart.Chart {
	t.Helper()
	c, err := loader.LoadDir(chartDir)
	if err != nil {
		t.Fatalf("loading the chart: %v", err)
	}
	return c
}

// valuesFiles are the paths of the values that the chart is tested with, by names
// such as ci-minimal and examples-keda.
func valuesFiles(t testing.TB) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, pattern := range []string{"ci/*-values.yaml", "examples/*.yaml"} {
		paths, err := filepath.Glob(filepath.Join(chartDir, pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("no file is %s: %v", pattern, err)
		}
		for _, path := range paths {
			name := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(path), ".yaml"), "-values")
			files[filepath.Base(filepath.Dir(path))+"-"+name] = path
		}
	}
	return files
}

// eachValues runs a test with each of them.
func eachValues(t *testing.T, test func(t *testing.T, name string, values chartutil.Values)) {
	t.Helper()
	files := valuesFiles(t)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		t.Run(name, func(t *testing.T) { test(t, name, readValues(t, files[name])) })
	}
}

func readValues(t testing.TB, path string) chartutil.Values {
	t.Helper()
	values, err := chartutil.ReadValuesFile(path)
	if err != nil {
		t.Fatalf("reading %s: %v", path, err)
	}
	return values
}

// minimal are the values of ci/minimal-values.yaml with the lines of YAML over them.
func minimal(t testing.TB, over string) chartutil.Values {
	t.Helper()
	values, err := chartutil.ReadValues([]byte(over))
	if err != nil {
		t.Fatalf("reading %q: %v", over, err)
	}
	return chartutil.CoalesceTables(values, readValues(t, filepath.Join(chartDir, "ci/minimal-values.yaml")))
}

// render renders the chart as `helm install callfold --namespace telephony` does, and
// returns the text of each template that has one. Values that the schema or the chart
// refuses are an error.
func render(c *chart.Chart, values chartutil.Values) (map[string]string, error) {
	return renderAs(c, values, "telephony", "callfold")
}

// renderAs is render for another namespace and release.
func renderAs(c *chart.Chart, values chartutil.Values, namespace, name string) (map[string]string, error) {
	capabilities := chartutil.DefaultCapabilities.Copy()
	version, err := chartutil.ParseKubeVersion(kubeVersion)
	if err != nil {
		return nil, err
	}
	capabilities.KubeVersion = *version
	release := chartutil.ReleaseOptions{Name: name, Namespace: namespace, Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(c, values, release, capabilities)
	if err != nil {
		return nil, err
	}
	texts, err := engine.Render(c, all)
	if err != nil {
		return nil, err
	}
	named := map[string]string{}
	for path, text := range texts {
		if strings.TrimSpace(text) != "" {
			named[strings.TrimPrefix(path, "callfold/templates/")] = text
		}
	}
	return named, nil
}

// mustRender is render of the chart as it is, for values that are right.
func mustRender(t testing.TB, values chartutil.Values) map[string]string {
	t.Helper()
	texts, err := render(loadChart(t), values)
	if err != nil {
		t.Fatalf("rendering: %v", err)
	}
	return texts
}
