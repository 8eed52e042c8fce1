package promql

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

const runbooks = "../../docs/runbooks/"

// alerts are those of the rules that alert.
func alerts(t *testing.T) []rulefmt.Rule {
	t.Helper()
	found := slices.DeleteFunc(rulesOfChart(t), func(r rulefmt.Rule) bool { return r.Alert == "" })
	if len(found) == 0 {
		t.Fatal("there are no alerts")
	}
	return found
}

// storedMetrics are those of docs/metrics.md, those of the process, and what the rules record.
func storedMetrics(t *testing.T) map[string]documented {
	t.Helper()
	metrics := documentedRows(t)
	maps.Copy(metrics, processMetrics)
	for _, r := range rulesOfChart(t) {
		if r.Record != "" {
			metrics[r.Record] = documented{kind: "gauge", labels: map[string][]string{"namespace": nil, "release": nil}}
		}
	}
	return metrics
}

func parse(t *testing.T, where, query string) parser.Expr {
	t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	return expr
}

// Every rule names metrics, labels and values that exist.
func TestRuleQueries(t *testing.T) {
	metrics := storedMetrics(t)
	for _, r := range rulesOfChart(t) {
		where := r.Record + r.Alert
		checkQuery(t, where, parse(t, where, r.Expr), metrics)
	}
}

// Every alert says how urgent it is, what is wrong, where, and what to do, and it
// tells releases apart.
func TestAlerts(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range alerts(t) {
		if seen[a.Alert] || !strings.HasPrefix(a.Alert, "Callfold") {
			t.Errorf("%s: the name is not one of ours, or another alert has it", a.Alert)
		}
		seen[a.Alert] = true
		if s := a.Labels["severity"]; s != "page" && s != "ticket" {
			t.Errorf("%s has the severity %q", a.Alert, s)
		}
		if a.Annotations["summary"] == "" {
			t.Errorf("%s has no summary", a.Alert)
		}
		for _, label := range []string{"namespace", "release"} {
			if !strings.Contains(a.Annotations["description"], "{{ $labels."+label+" }}") {
				t.Errorf("the description of %s does not name the %s", a.Alert, label)
			}
		}
		for _, n := range nodes(parse(t, a.Alert, a.Expr)) {
			if g, ok := n.node.(*parser.AggregateExpr); ok && (!slices.Contains(g.Grouping, "namespace") || !slices.Contains(g.Grouping, "release")) {
				t.Errorf("%s sums up over releases: %s", a.Alert, g)
			}
		}
	}
}

// Every alert has a page, with the four parts, in which its name stands; and every
// page is one of an alert. README.md lists all of them.
func TestRunbooks(t *testing.T) {
	const url = "https://github.com/callfold/callfold/blob/main/docs/runbooks/"
	read := func(name string) string {
		text, err := os.ReadFile(runbooks + name)
		if err != nil {
			t.Error(err)
		}
		return string(text)
	}
	index := read("README.md")
	pages := map[string]bool{"README.md": true}
	for _, a := range alerts(t) {
		name, ours := strings.CutPrefix(a.Annotations["runbook_url"], url)
		if !ours {
			t.Errorf("%s has the runbook %s", a.Alert, a.Annotations["runbook_url"])
			continue
		}
		pages[name] = true
		if text := read(name); !strings.Contains(text, "`"+a.Alert+"`") {
			t.Errorf("%s does not name %s", name, a.Alert)
		}
		if row := "| `" + a.Alert + "` | " + a.Labels["severity"] + " | [" + strings.TrimSuffix(name, ".md") + "](" + name + ") |\n"; !strings.Contains(index, row) {
			t.Errorf("README.md lacks the row %s", row)
		}
	}
	files, err := filepath.Glob(runbooks + "*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		if !pages[name] {
			t.Errorf("%s is the page of no alert", name)
		}
		if name != "README.md" {
			checkPage(t, name, read(name))
		}
	}
}

var (
	pageParts  = regexp.MustCompile(`(?m)^## (.+)$`)
	pageQuery  = regexp.MustCompile("(?s)```promql\n(.*?)```")
	alertNamed = regexp.MustCompile("`(Callfold[A-Za-z]+)`")
)

// checkPage checks the parts of a page, its queries, and the alerts that it names.
func checkPage(t *testing.T, name, text string) {
	var parts []string
	for _, m := range pageParts.FindAllStringSubmatch(text, -1) {
		parts = append(parts, m[1])
	}
	if !slices.Equal(parts, []string{"Meaning", "Impact", "Check", "Mend"}) {
		t.Errorf("%s has the parts %q", name, parts)
	}
	metrics := storedMetrics(t)
	metrics["up"] = documented{kind: "gauge"}
	for _, m := range pageQuery.FindAllStringSubmatch(text, -1) {
		checkQuery(t, name, parse(t, name, m[1]), metrics)
	}
	for _, m := range alertNamed.FindAllStringSubmatch(text, -1) {
		if !slices.ContainsFunc(alerts(t), func(a rulefmt.Rule) bool { return a.Alert == m[1] }) {
			t.Errorf("%s names %s, which is no alert", name, m[1])
		}
	}
}

// suite is a file of promtool test rules, as far as it matters here.
type suite struct {
	Tests []struct {
		Name  string `yaml:"name"`
		Cases []struct {
			Alert string `yaml:"alertname"`
			Want  []any  `yaml:"exp_alerts"`
		} `yaml:"alert_rule_test"`
	} `yaml:"tests"`
}

// Every alert is seen to fire, and not to fire, by make test-alerts.
func TestAlertsAreTested(t *testing.T) {
	files, err := filepath.Glob("alerts/*_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var s suite
		if err := yaml.Unmarshal(text, &s); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, test := range s.Tests {
			for _, c := range test.Cases {
				if len(c.Want) > 0 {
					fires[c.Alert] = true
				} else {
					silent[c.Alert] = true
				}
			}
		}
	}
	for _, a := range alerts(t) {
		if !fires[a.Alert] || !silent[a.Alert] {
			t.Errorf("%s is seen to fire: %t, not to fire: %t", a.Alert, fires[a.Alert], silent[a.Alert])
		}
		delete(fires, a.Alert)
		delete(silent, a.Alert)
	}
	for name := range maps.Keys(fires) {
		t.Errorf("%s is tested, and no alert", name)
	}
	for name := range maps.Keys(silent) {
		t.Errorf("%s is tested, and no alert", name)
	}
}
