package chart

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
)

// described are the keys with a mapping or list behind them that is one value, with one
// description.
var described = regexp.MustCompile(`(^|\.)(settings|podSecurityContext|resources|startupProbe|livenessProbe|readinessProbe|topologySpreadConstraints|to|ports)$`)

// TestEveryValueIsDescribed wants a comment that begins with -- above each value: the
// README's table is made of them.
func TestEveryValueIsDescribed(t *testing.T) {
	text, err := os.ReadFile(chartDir + "/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	looked := 0
	var look func(node *yaml.Node, path string)
	look = func(node *yaml.Node, path string) {
		for i := 0; i < len(node.Content); i += 2 {
			key, value := node.Content[i], node.Content[i+1]
			at := strings.TrimPrefix(path+"."+key.Value, ".")
			if value.Kind == yaml.MappingNode && len(value.Content) > 0 && !described.MatchString(at) {
				look(value, at)
				continue
			}
			looked++
			if !strings.Contains(key.HeadComment, "# -- ") {
				t.Errorf("values.yaml:%d: %s is not described", key.Line, at)
			}
		}
	}
	look(document.Content[0], "")
	if looked < 100 {
		t.Errorf("only %d values", looked)
	}
}

// TestLint is helm lint --strict, with each of the values.
func TestLint(t *testing.T) {
	eachValues(t, func(t *testing.T, _ string, values chartutil.Values) {
		result := lint.AllWithKubeVersion(chartDir, values, "telephony", &chartutil.KubeVersion{Version: "v" + kubeVersion, Major: "1", Minor: "30"})
		for _, m := range result.Messages {
			if m.Severity >= support.WarningSev {
				t.Errorf("%v", m)
			}
		}
	})
}

// TestKubeVersion: an older Kubernetes is refused; there a field would be dropped without
// a word.
func TestKubeVersion(t *testing.T) {
	for version, want := range map[string]bool{"v1.29.9": false, kubeVersion: true, "v1.34.4-eks-1234": true} {
		if got := chartutil.IsCompatibleRange(loadChart(t).Metadata.KubeVersion, version); got != want {
			t.Errorf("Kubernetes %s is taken: %t, wanted %t", version, got, want)
		}
	}
}
