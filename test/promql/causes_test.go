package promql

import (
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// rulesOfChart are the chart's, recorded and alerting.
func rulesOfChart(t *testing.T) []rulefmt.Rule {
	t.Helper()
	var rules []rulefmt.Rule
	groups, errs := rulefmt.ParseFile("../../charts/callfold/rules/callfold.yaml", false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	for _, err := range errs {
		t.Fatal(err)
	}
	for _, g := range groups.Groups {
		rules = append(rules, g.Rules...)
	}
	return rules
}

// byStage is the dashboard of the stage that an alert is about.
const byStage = "{{ $labels.stage }}"

// Whoever is told by an alert finds its cause: the dashboard that it names has a panel
// that shows a metric of it, of the stage that it is about, and leads to its runbook.
func TestEveryAlertHasAPanel(t *testing.T) {
	rules := rulesOfChart(t)
	recorded := map[string]map[string]bool{}
	for _, r := range rules {
		if r.Record != "" {
			recorded[r.Record] = metricsOf(t, r.Expr, nil)
		}
	}
	pages, alerts := dashboards(t), 0
	for _, r := range rules {
		if r.Alert == "" {
			continue
		}
		alerts++
		wanted, page := metricsOf(t, r.Expr, recorded), r.Annotations["runbook_url"]
		if r.Annotations["dashboard"] == byStage {
			for _, stage := range []string{"processor", "sink"} {
				if !slices.ContainsFunc(pages[stage].Panels, func(p panel) bool { return p.leadsTo(page) && p.shows(t, wanted, stage) }) {
					t.Errorf("%s: no panel of the dashboard %s shows one of %q of that stage and leads to %s", r.Alert, stage, slices.Sorted(maps.Keys(wanted)), page)
				}
			}
			continue
		}
		d, ok := pages[r.Annotations["dashboard"]]
		if !ok {
			t.Errorf("%s names the dashboard %q, which is not there", r.Alert, r.Annotations["dashboard"])
			continue
		}
		if !slices.ContainsFunc(d.Panels, func(p panel) bool { return p.leadsTo(page) && p.shows(t, wanted, "") }) {
			t.Errorf("%s: no panel of the dashboard %s shows one of %q and leads to %s", r.Alert, r.Annotations["dashboard"], slices.Sorted(maps.Keys(wanted)), page)
		}
	}
	if alerts == 0 {
		t.Error("there are no alerts")
	}
}

// leadsTo tells whether a panel links to a page.
func (p panel) leadsTo(page string) bool {
	for _, l := range p.Links {
		if l.URL == page {
			return true
		}
	}
	return false
}

// shows tells whether a panel shows one of the metrics, of this stage alone where one is named.
func (p panel) shows(t *testing.T, metrics map[string]bool, stage string) bool {
	for _, target := range p.Targets {
		query := chosen.Replace(target.Expr)
		if stage != "" && !slices.Equal(stagesOf(t, query), []string{stage}) {
			continue
		}
		for name := range metricsOf(t, query, nil) {
			if metrics[name] {
				return true
			}
		}
	}
	return false
}

// stagesOf are the stages that an expression selects, each once.
func stagesOf(t *testing.T, expr string) []string {
	t.Helper()
	named := map[string]bool{}
	for _, n := range nodes(parse(t, "a panel", expr)) {
		if s, ok := n.node.(*parser.VectorSelector); ok {
			for _, m := range s.LabelMatchers {
				if m.Name == "stage" {
					named[m.Value] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(named))
}

// metricsOf are the metrics that an expression names, by themselves or by what was
// recorded of them. A histogram is one.
func metricsOf(t *testing.T, expr string, recorded map[string]map[string]bool) map[string]bool {
	t.Helper()
	e, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, n := range nodes(e) {
		s, ok := n.node.(*parser.VectorSelector)
		if !ok {
			continue
		}
		if of, ok := recorded[s.Name]; ok {
			maps.Copy(names, of)
			continue
		}
		name := s.Name
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			name = strings.TrimSuffix(name, suffix)
		}
		names[name] = true
	}
	return names
}
