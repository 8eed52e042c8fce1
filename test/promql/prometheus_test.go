//go:build prometheus

package promql

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds everything that is waited for.
const patience = 10 * time.Minute

// nothingInDev are the panels, or single queries of them, that have no data while callfold
// dev runs, with the reason. What is hidden only while it is 0 ("… > 0") is not among them.
var nothingInDev = map[string]string{
	"ingest, How full":                             "dev has no journal, so its bound is 0",
	"overview, Last synthetic call":                "dev runs no canary",
	"overview, Synthetic calls, by how they ended": "dev runs no canary",
	"overview, How long synthetic calls take":      "dev runs no canary",
	"overview, Processes, by stage, C":             "dev runs no canary",
	"overview, Processes, by stage, D":             "dev runs no backfill",
	"overview, Certificates are valid for":         "dev has none in its settings",
	"ingest, Events, and a week ago, B":            "dev has not run for a week",
	"ingest, Calls read from Aircall":              "dev runs no backfill",
	"ingest, Found missing":                        "dev runs no backfill",
	"ingest, Read until":                           "dev runs no backfill",
	"ingest, Requests to Aircall's API":            "dev runs no backfill",
	"overview, Calls without webhooks, a day":      "dev runs no backfill",
	"overview, Calls found without a Task, a day":  "sink.reconcile is off",
	"replays, Calls compared":                      "sink.reconcile is off",
	"replays, Found":                               "sink.reconcile is off",
	"replays, Rewritten":                           "sink.reconcile is off",
}

// TestPrometheus has a real Prometheus scrape callfold dev as it would the chart's pods:
// promtool finds nothing in the metrics, every rule is evaluated, and every query of the
// dashboards has data.
func TestPrometheus(t *testing.T) {
	for _, program := range []string{"prometheus", "promtool"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%v: apt-get install prometheus, brew install prometheus", err)
		}
	}
	dev := startDev(t)
	p := startPrometheus(t, dev)

	t.Run("promtool finds nothing in the metrics", func(t *testing.T) {
		metrics, err := get("http://"+dev+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		promtool := exec.Command("promtool", "check", "metrics")
		promtool.Stdin = bytes.NewReader(metrics)
		if out, err := promtool.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("promtool check metrics: %v\n%s", err, out)
		}
	})
	t.Run("the variables have values", func(t *testing.T) { eventually(t, func() error { return p.variables(dashboards(t)) }) })
	t.Run("every query has data", func(t *testing.T) { p.panels(t, dashboards(t)) })
	t.Run("every series is documented", func(t *testing.T) {
		metrics, err := get("http://"+dev+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		checkSeries(t, metrics)
	})
	t.Run("every rule is evaluated", func(t *testing.T) {
		since := time.Now() // from here on they have something to evaluate
		eventually(t, func() error { return p.rules(since) })
	})
}

// server is a running Prometheus.
type server string // host:port

// rules is an error until every rule was evaluated since, and all of them went well.
func (p server) rules(since time.Time) error {
	var answer struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Name, Health, LastError string
				LastEvaluation          time.Time
			}
		}
	}
	if err := p.ask("rules", nil, &answer); err != nil {
		return err
	}
	var left []string
	for _, g := range answer.Groups {
		for _, r := range g.Rules {
			if r.Health != "ok" || r.LastEvaluation.Before(since) {
				left = append(left, fmt.Sprintf("%s in %s is %s %s", r.Name, g.Name, r.Health, r.LastError))
			}
		}
	}
	if len(left) > 0 {
		return fmt.Errorf("rules that were not evaluated: %s", strings.Join(left, "; "))
	}
	if len(answer.Groups) == 0 && len(ruleFiles()) > 0 {
		return fmt.Errorf("there are no rules")
	}
	return nil
}

// The labels of the two targets, which are one and the same process: what is true of
// one pod must not depend on there being one only.
var targets = []map[string]string{
	{"namespace": "callfold", "release": "live", "pod": "callfold-live-0"},
	{"namespace": "callfold", "release": "trial", "pod": "callfold-trial-0"},
}

// variables is an error until the lists at the top of the dashboards are full.
func (p server) variables(pages map[string]page) error {
	for name, d := range pages {
		for _, v := range d.Templating.List {
			if v.Type != "query" {
				continue
			}
			selector := chosen.Replace(strings.TrimSuffix(strings.TrimPrefix(v.Definition, "label_values("), ", "+v.Name+")"))
			var values, want []string
			if err := p.ask("label/"+v.Name+"/values", url.Values{"match[]": {selector}}, &values); err != nil {
				return err
			}
			for _, target := range targets {
				want = append(want, target[v.Name])
			}
			if want = slices.Compact(want); !slices.Equal(values, want) {
				return fmt.Errorf("%s offers %q as %s, want %q", name, values, v.Name, want)
			}
		}
	}
	return nil
}

// selected puts in what Grafana does where both releases are chosen, at this pace of
// scraping.
var selected = strings.NewReplacer("$namespace", "callfold", "$release", "(live|trial)", "$__rate_interval", "15s", "$__range", "1m")

// panels asks for the data of every panel, until all have some but those that can have
// none.
func (p server) panels(t *testing.T, pages map[string]page) {
	type query struct{ panel, ref, kind, expr, legend string }
	var queries []query
	for name, d := range pages {
		for _, x := range d.Panels {
			for _, q := range x.Targets {
				queries = append(queries, query{name + ", " + x.Title, q.RefID, x.Type, selected.Replace(q.Expr), q.LegendFormat})
			}
		}
	}
	empty := func(q query) string { return nothingInDev[q.panel] + nothingInDev[q.panel+", "+q.ref] }
	// What is rare has data now and then: each query is asked until it had some.
	left := slices.DeleteFunc(slices.Clone(queries), func(q query) bool { return empty(q) != "" })
	eventually(t, func() error {
		var missing []string
		left = slices.DeleteFunc(left, func(q query) bool {
			err := p.answers(q.kind, q.expr, q.legend)
			if err != nil {
				missing = append(missing, fmt.Sprintf("%s: %s: %v", q.panel, q.expr, err))
			}
			return err == nil
		})
		if len(left) > 0 {
			return fmt.Errorf("%d of %d queries have no data:\n%s", len(left), len(queries), strings.Join(missing, "\n"))
		}
		return nil
	})
	for _, q := range queries {
		if reason := empty(q); reason != "" && p.answers(q.kind, q.expr, q.legend) == nil {
			t.Errorf("%s has data after all (it was said that %s): %s", q.panel, reason, q.expr)
		}
	}
	for panel := range nothingInDev {
		if !slices.ContainsFunc(queries, func(q query) bool { return q.panel == panel || q.panel+", "+q.ref == panel }) {
			t.Errorf("there is no panel %s", panel)
		}
	}
}

// answers asks one query as the panel does. It is an error where no number comes back,
// or one without a label that the legend shows.
func (p server) answers(kind, expr, legend string) error {
	expr = strings.TrimSuffix(expr, " > 0") // it hides what is 0, and may hide all
	how, with := "query", url.Values{"query": {expr}}
	if kind == "timeseries" {
		now := time.Now().Unix()
		how = "query_range"
		with.Set("start", fmt.Sprint(now-60))
		with.Set("end", fmt.Sprint(now))
		with.Set("step", "5")
	}
	var answer struct {
		Result []struct {
			Metric map[string]string
			Value  []any
			Values [][]any
		}
	}
	if err := p.ask(how, with, &answer); err != nil {
		return err
	}
	found := false
	for _, series := range answer.Result {
		for _, v := range append(series.Values, series.Value) {
			found = found || len(v) == 2 && v[1] != "NaN"
		}
		for _, m := range legendLabel.FindAllStringSubmatch(legend, -1) {
			if series.Metric[m[1]] == "" {
				return fmt.Errorf("a series has no label %s: %v", m[1], series.Metric)
			}
		}
	}
	if !found {
		return fmt.Errorf("no data")
	}
	return nil
}

// ask asks the API, and decodes what it answers.
func (p server) ask(what string, with url.Values, into any) error {
	raw, err := get("http://"+string(p)+"/api/v1/"+what, with)
	if err != nil {
		return err
	}
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return fmt.Errorf("%s: %w", raw, err)
	}
	if answer.Status != "success" {
		return fmt.Errorf("%s: %s", answer.Status, answer.Error)
	}
	return json.Unmarshal(answer.Data, into)
}

// get reads a page; one that refuses a query has an answer, too.
func get(address string, with url.Values) ([]byte, error) {
	answer, err := http.Get(address + "?" + with.Encode())
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return io.ReadAll(answer.Body)
}

// startDev builds callfold and runs callfold dev, with calls, until the test ends. It
// gives the address of its metrics.
func startDev(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "callfold")
	build := exec.Command("go", "build", "-o", binary, "./cmd/callfold")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building callfold: %v\n%s", err, out)
	}
	web := run(t, exec.Command(binary, "dev", "--data", t.TempDir(), "--traffic", "120",
		"--listen", anyPort, "--kafka", anyPort, "--salesforce", anyPort), "  page +http://([0-9.:]+)/")
	ready(t, "http://"+web+"/readyz")
	return web
}

// startPrometheus has one scrape the metrics of an address until the test ends.
func startPrometheus(t *testing.T, metrics string) server {
	t.Helper()
	type object = map[string]any
	var statics []object
	for _, labels := range targets {
		statics = append(statics, object{"targets": []string{metrics}, "labels": labels})
	}
	// JSON is YAML.
	settings, err := json.Marshal(object{
		// A scrape may take as long as the interval is, on a busy machine, too.
		"global":         object{"scrape_interval": "3s", "evaluation_interval": "1s"},
		"rule_files":     ruleFiles(),
		"scrape_configs": []object{{"job_name": "callfold", "static_configs": statics}},
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yaml")
	if err := os.WriteFile(file, settings, 0o600); err != nil {
		t.Fatal(err)
	}
	address := run(t, exec.Command("prometheus", "--config.file", file, "--storage.tsdb.path", filepath.Join(dir, "data"), "--web.listen-address", anyPort),
		`msg="?Listening on"? .*address=([0-9.:]+)`)
	ready(t, "http://"+address+"/-/ready")
	return server(address)
}

// ruleFiles are those of the chart.
func ruleFiles() []string {
	files, _ := filepath.Glob("../../charts/callfold/rules/*.yaml") // an error is a wrong pattern
	for i := range files {
		files[i], _ = filepath.Abs(files[i]) // fails without a working directory
	}
	return files
}

// anyPort has a program listen where nobody else does.
const anyPort = "127.0.0.1:0"

// run runs a program until the test ends. It gives the address that the program prints,
// which is the pattern's group.
func run(t *testing.T, program *exec.Cmd, prints string) (address string) {
	t.Helper()
	output, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close() // the program has its own
	program.Stdout, program.Stderr = output, output
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	said := func() []byte {
		text, err := os.ReadFile(output.Name())
		if err != nil {
			t.Error(err)
		}
		return text
	}
	t.Cleanup(func() {
		_ = program.Process.Signal(syscall.SIGTERM) // it may have ended, which the test has noticed
		stop := time.AfterFunc(patience, func() { _ = program.Process.Kill() })
		err := program.Wait()
		stop.Stop()
		if err != nil || t.Failed() {
			t.Logf("%s ended with %v and said:\n%s", program.Path, err, said())
		}
	})
	pattern := regexp.MustCompile(prints)
	eventually(t, func() error {
		found := pattern.FindSubmatch(said())
		if found == nil {
			return fmt.Errorf("%s does not say where it listens", program.Path)
		}
		address = string(found[1])
		return nil
	})
	return address
}

// ready waits until an address answers 200.
func ready(t *testing.T, address string) {
	t.Helper()
	eventually(t, func() error {
		answer, err := http.Get(address)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s", address, answer.Status)
		}
		return nil
	})
}

// eventually tries until there is no error.
func eventually(t *testing.T, try func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // polling
	}
}
