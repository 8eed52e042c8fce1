package chart

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v3/pkg/chartutil"
	"sigs.k8s.io/yaml"
)

// rulesIn are the rules of a render, by what they record or alert of.
func rulesIn(t *testing.T, values chartutil.Values) map[string]monitoringv1.Rule {
	t.Helper()
	found := ofType[*monitoringv1.PrometheusRule](objectsOf(t, values))
	if len(found) != 1 {
		t.Fatalf("there are %d objects with rules", len(found))
	}
	return byName(t, found[0].Spec)
}

func byName(t *testing.T, spec monitoringv1.PrometheusRuleSpec) map[string]monitoringv1.Rule {
	t.Helper()
	rules := map[string]monitoringv1.Rule{}
	for _, g := range spec.Groups {
		for _, r := range g.Rules {
			rules[r.Record+r.Alert] = r
		}
	}
	if len(rules) < 20 {
		t.Fatalf("only %d rules were found", len(rules))
	}
	return rules
}

// TestRules wants all rules of the chart's file in a release, each the same but for asking
// for series of this release alone.
func TestRules(t *testing.T) {
	const own = `namespace="telephony", release="callfold"`
	text, err := os.ReadFile(chartDir + "/rules/callfold.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file monitoringv1.PrometheusRuleSpec
	if err := yaml.UnmarshalStrict(text, &file); err != nil {
		t.Fatal(err)
	}
	rendered := rulesIn(t, readValues(t, chartDir+"/ci/everything-values.yaml"))
	metric := regexp.MustCompile(`\w*:?\b(?:callfold|process|go)_[\w:]+`)
	for name, r := range byName(t, file) {
		of, there := rendered[name]
		if !there {
			t.Errorf("%s is not in the release", name)
			continue
		}
		expr := of.Expr.StrVal
		for _, at := range metric.FindAllStringIndex(expr, -1) {
			if !strings.HasPrefix(expr[at[1]:], "{"+own) {
				t.Errorf("%s asks for %s of every release: %s", name, expr[at[0]:at[1]], expr)
			}
		}
		plain := strings.NewReplacer("{"+own+", ", "{", "{"+own+"}", "").Replace(expr)
		if gone := strings.Contains(plain, "absent("); gone != slices.Contains([]string{"CallfoldStageGone", "CallfoldWatchGone"}, name) ||
			!gone && plain != r.Expr.StrVal {
			t.Errorf("%s is %q", name, plain)
		}
		if of.Expr = r.Expr; !reflect.DeepEqual(of, r) {
			t.Errorf("%s is %+v, in the file %+v", name, of, r)
		}
		delete(rendered, name)
	}
	for name := range rendered {
		t.Errorf("%s is not in the file", name)
	}
}

// TestGoneOnlyWhereWanted wants nobody told that something is gone that is not switched on.
func TestGoneOnlyWhereWanted(t *testing.T) {
	for _, test := range []struct {
		over string
		want []string
	}{
		{"", nil},
		{"canary: {enabled: true}", []string{"canary"}},
		{"backfill: {enabled: true}\nsecrets: {aircallAPI: {existingSecret: aircall}}\nsettings: {aircall: {api_id: example}}", []string{"backfill"}},
	} {
		rules := rulesIn(t, minimal(t, "prometheusRule: {enabled: true}\n"+test.over))
		var named []string
		for _, component := range []string{"canary", "backfill"} {
			if expr := rules["CallfoldWatchGone"].Expr.StrVal; strings.Contains(expr, component) {
				named = append(named, component)
			}
		}
		if _, there := rules["CallfoldWatchGone"]; there != (len(test.want) > 0) || !slices.Equal(named, test.want) {
			t.Errorf("with %q these can be gone: %q, want %q", test.over, named, test.want)
		}
	}
}
