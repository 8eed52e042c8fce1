package promql

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/text"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// page is what is checked of a dashboard.
type page struct {
	UID        string
	Title      string
	Tags       []string
	Templating struct {
		List []struct {
			Name, Type string
			Definition string
			Multi      bool
		}
	}
	Panels []panel
}

type panel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ H, W, X, Y int }
	FieldConfig              struct{ Defaults struct{ Unit string } }
	Links                    []struct{ URL string }
	Options                  struct{ Content string }
	Targets                  []struct{ Expr, LegendFormat, RefID string }
}

// dashboards are the chart's, by file.
func dashboards(t *testing.T) map[string]page {
	t.Helper()
	files, err := filepath.Glob("../../charts/callfold/dashboards/*.json")
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]page{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var p page
		if err := json.Unmarshal(raw, &p); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		pages[strings.TrimSuffix(filepath.Base(file), ".json")] = p
	}
	if len(pages) == 0 {
		t.Fatal("the chart has no dashboards")
	}
	return pages
}

// chosen puts in for Grafana's variables what it would.
var chosen = strings.NewReplacer("$namespace", ".*", "$release", ".*", "$__rate_interval", "1m", "$__range", "1h")

// Grafana's own types read the dashboards, strictly: no field is unknown to them, none
// that they need is missing, and none is of another type.
func TestGrafanaReadsTheDashboards(t *testing.T) {
	runtime := cog.NewRuntime()
	runtime.RegisterPanelcfgVariant(bargauge.VariantConfig())
	runtime.RegisterPanelcfgVariant(stat.VariantConfig())
	runtime.RegisterPanelcfgVariant(table.VariantConfig())
	runtime.RegisterPanelcfgVariant(text.VariantConfig())
	runtime.RegisterPanelcfgVariant(timeseries.VariantConfig())
	runtime.RegisterDataqueryVariant(prometheus.VariantConfig())
	for name := range dashboards(t) {
		raw, err := os.ReadFile("../../charts/callfold/dashboards/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var d dashboard.Dashboard //nolint:staticcheck // the newer one is of another format
		var all cog.BuildErrors   // an empty list of errors is one, too
		if err := d.UnmarshalJSONStrict(raw); err != nil && (!errors.As(err, &all) || len(all) > 0) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Every dashboard can be found, and chooses data source, namespace and release.
func TestDashboards(t *testing.T) {
	pages := dashboards(t)
	for name, d := range pages {
		if d.UID != "callfold-"+name || d.Title == "" || !slices.Contains(d.Tags, "callfold") {
			t.Errorf("%s has uid %q, title %q and tags %q", name, d.UID, d.Title, d.Tags)
		}
		var variables []string
		for _, v := range d.Templating.List {
			variables = append(variables, v.Name)
			if v.Type == "query" {
				selector := strings.TrimSuffix(strings.TrimPrefix(v.Definition, "label_values("), ", "+v.Name+")")
				if _, err := parser.NewParser(parser.Options{}).ParseMetricSelector(chosen.Replace(selector)); err != nil || !v.Multi {
					t.Errorf("%s: the variable %s is %q, multi %t: %v", name, v.Name, v.Definition, v.Multi, err)
				}
			}
		}
		if !slices.Equal(variables, []string{"datasource", "namespace", "release"}) {
			t.Errorf("%s has the variables %q", name, variables)
		}
		checkPanels(t, name, d, pages)
	}
}

var dashboardLink = regexp.MustCompile(`^/d/callfold-([a-z]+)\?`)

// checkPanels checks that each panel says what it is, and is where no other is.
func checkPanels(t *testing.T, name string, d page, pages map[string]page) {
	var runbooks []string
	for _, r := range rulesOfChart(t) {
		runbooks = append(runbooks, r.Annotations["runbook_url"])
	}
	ids := map[int]bool{}
	for i, p := range d.Panels {
		if ids[p.ID] || p.ID == 0 {
			t.Errorf("%s: panel %q has the id %d, as another", name, p.Title, p.ID)
		}
		ids[p.ID] = true
		if g := p.GridPos; g.W < 1 || g.H < 1 || g.X < 0 || g.X+g.W > 24 {
			t.Errorf("%s: panel %q is at %+v", name, p.Title, g)
		}
		for _, q := range d.Panels[:i] {
			a, b := p.GridPos, q.GridPos
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("%s: panels %q and %q lie on each other", name, p.Title, q.Title)
			}
		}
		if p.Title == "" {
			t.Errorf("%s: panel %d has no title", name, p.ID)
		}
		if p.Type == "row" {
			continue
		}
		if p.Description == "" {
			t.Errorf("%s: panel %q has no description", name, p.Title)
		}
		if p.Type == "text" {
			if p.Options.Content == "" {
				t.Errorf("%s: panel %q says nothing", name, p.Title)
			}
		} else if p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0 {
			t.Errorf("%s: panel %q has the unit %q and %d queries", name, p.Title, p.FieldConfig.Defaults.Unit, len(p.Targets))
		}
		for _, l := range p.Links {
			if to := dashboardLink.FindStringSubmatch(l.URL); to != nil {
				if _, ok := pages[to[1]]; !ok {
					t.Errorf("%s: panel %q links to a dashboard that is not there: %s", name, p.Title, l.URL)
				}
				continue
			}
			if !slices.Contains(runbooks, l.URL) {
				t.Errorf("%s: panel %q links to %s, which no alert names", name, p.Title, l.URL)
			}
		}
	}
}

// What is not ours and there all the same: the process' own metrics.
var processMetrics = map[string]documented{
	"process_start_time_seconds":    {kind: "gauge"},
	"process_resident_memory_bytes": {kind: "gauge"},
	"process_cpu_seconds_total":     {kind: "counter"},
	"go_build_info":                 {kind: "gauge", labels: map[string][]string{"path": nil, "version": nil, "checksum": nil}},
}

// targetLabels are those that Prometheus adds.
var targetLabels = []string{"namespace", "release", "pod"}

// Prometheus reads every query, and each names metrics, labels and values that exist,
// selects by what is chosen, and takes counters by what they gain.
func TestDashboardQueries(t *testing.T) {
	metrics := documentedRows(t)
	maps.Copy(metrics, processMetrics)
	queries := 0
	for name, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				queries++
				where := name + ", " + p.Title + ", " + target.RefID
				expr, err := parser.NewParser(parser.Options{}).ParseExpr(chosen.Replace(target.Expr))
				if err != nil {
					t.Errorf("%s: %v", where, err)
					continue
				}
				checkQuery(t, where, expr, metrics)
				checkSelected(t, where, expr)
				checkLegend(t, where, target.LegendFormat, expr)
			}
		}
	}
	if queries < 100 {
		t.Errorf("only %d queries were found", queries)
	}
}

// checkQuery walks through an expression.
func checkQuery(t *testing.T, where string, expr parser.Expr, metrics map[string]documented) {
	known := slices.Clone(targetLabels)
	for _, n := range nodes(expr) {
		switch n := n.node.(type) {
		case *parser.VectorSelector:
			known = append(known, selectorLabels(t, where, n, metrics)...)
		case *parser.Call:
			if n.Func.Name == "label_replace" {
				known = append(known, n.Args[1].(*parser.StringLiteral).Val)
			}
		}
	}
	for _, n := range nodes(expr) {
		switch x := n.node.(type) {
		case *parser.VectorSelector:
			gains := slices.ContainsFunc(n.above, func(a parser.Node) bool {
				c, ok := a.(*parser.Call)
				return ok && (c.Func.Name == "rate" || c.Func.Name == "increase") || isOfYoungProcess(a, x)
			})
			if kind, _ := kindOf(x.Name, metrics); (kind == "counter") != gains {
				t.Errorf("%s: %s is a %s, and its rate is taken: %t", where, x.Name, kind, gains)
			}
		case *parser.AggregateExpr:
			for _, label := range x.Grouping {
				if !slices.Contains(known, label) {
					t.Errorf("%s: %s is no label of these metrics, which have %q", where, label, known)
				}
			}
			if x.Without {
				t.Errorf("%s: without keeps labels that nobody has thought of; name those to keep", where)
			}
		}
	}
}

// isOfYoungProcess tells whether an expression is the counter of the processes that started
// a while ago: all of it was counted since, and increase does not see what was before the
// first scrape.
func isOfYoungProcess(n parser.Node, counter *parser.VectorSelector) bool {
	e, ok := n.(*parser.BinaryExpr)
	if !ok || e.Op != parser.LAND || e.LHS != counter {
		return false
	}
	young, ok := e.RHS.(*parser.BinaryExpr)
	if !ok || young.Op != parser.GTR {
		return false
	}
	started, ok := young.LHS.(*parser.VectorSelector)
	return ok && started.Name == "process_start_time_seconds"
}

// kindOf is the type of a stored series' metric; of a histogram all are counters.
func kindOf(name string, metrics map[string]documented) (string, documented) {
	if d, ok := metrics[name]; ok && d.kind != "histogram" {
		return d.kind, d
	}
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if base, ok := strings.CutSuffix(name, suffix); ok && metrics[base].kind == "histogram" {
			return "counter", metrics[base]
		}
	}
	return "", documented{}
}

// selectorLabels checks a selector, and gives the labels that its series have.
func selectorLabels(t *testing.T, where string, s *parser.VectorSelector, metrics map[string]documented) []string {
	kind, metric := kindOf(s.Name, metrics)
	if kind == "" {
		t.Errorf("%s: there is no metric %s", where, s.Name)
		return nil
	}
	has := slices.Collect(maps.Keys(metric.labels))
	if strings.HasSuffix(s.Name, "_bucket") {
		metric.labels, has = maps.Clone(metric.labels), append(has, "le")
		metric.labels["le"] = nil
	}
	for _, m := range s.LabelMatchers {
		if m.Name == model.MetricNameLabel || slices.Contains(targetLabels, m.Name) {
			continue
		}
		values, ok := metric.labels[m.Name]
		if !ok {
			t.Errorf("%s: %s has no label %s", where, s.Name, m.Name)
		}
		for value := range strings.SplitSeq(m.Value, "|") {
			if len(values) > 0 && !slices.Contains(values, value) {
				t.Errorf("%s: %s is never %q in %s, but one of %q", where, m.Name, value, s.Name, values)
			}
		}
	}
	return has
}

// checkSelected wants every selector of a dashboard to heed what is chosen.
func checkSelected(t *testing.T, where string, expr parser.Expr) {
	for _, n := range nodes(expr) {
		s, ok := n.node.(*parser.VectorSelector)
		if !ok {
			continue
		}
		for _, label := range []string{"namespace", "release"} {
			if !slices.ContainsFunc(s.LabelMatchers, func(m *labels.Matcher) bool { return m.Name == label }) {
				t.Errorf("%s: %s is not selected by %s", where, s.Name, label)
			}
		}
	}
}

// under is a node with those above it.
type under struct {
	node  parser.Node
	above []parser.Node
}

// nodes are all of an expression.
func nodes(expr parser.Expr) []under {
	var all []under
	parser.Inspect(expr, func(n parser.Node, above []parser.Node) error {
		if n != nil {
			all = append(all, under{n, slices.Clone(above)})
		}
		return nil
	})
	return all
}

var legendLabel = regexp.MustCompile(`\{\{([a-z_]+)\}\}`)

// checkLegend wants the labels that a legend shows to be in the result.
func checkLegend(t *testing.T, where, legend string, expr parser.Expr) {
	if legend == "" {
		t.Errorf("%s has no legend", where)
	}
	kept := map[string]bool{}
	for _, n := range nodes(expr) {
		if a, ok := n.node.(*parser.AggregateExpr); ok {
			for _, label := range a.Grouping {
				kept[label] = true
			}
		}
	}
	for _, m := range legendLabel.FindAllStringSubmatch(legend, -1) {
		if !kept[m[1]] {
			t.Errorf("%s: the legend shows %s, which the query does not keep", where, m[1])
		}
	}
}
