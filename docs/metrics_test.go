package docs

import (
	"cmp"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/callfold/callfold/internal/app"
	"github.com/callfold/callfold/internal/backfill"
	"github.com/callfold/callfold/internal/canary"
	"github.com/callfold/callfold/internal/kafka/kafkatest"
	"github.com/callfold/callfold/internal/settings"
	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/internal/traffic"
)

const metricsPage = "metrics.md"

// groups are the tables of metrics.md, by the metrics' prefixes. The longest prefix
// decides; the engine's have no common one.
var groups = map[string]string{
	"callfold_":             "stages",
	"callfold_ingest_":      "ingest",
	"callfold_sink_":        "sink",
	"callfold_salesforce_":  "sink",
	"callfold_backfill_":    "backfill",
	"callfold_aircall_":     "backfill",
	"callfold_canary_":      "canary",
	"callfold_certificate_": "every process",
	"callfold_ready":        "every process",
	"callfold_kafka_":       "kafka",
	"callfold_traffic_":     "dev",
	"callfold_simulator_":   "dev",
}

// open are the labels whose values are no closed set, and what they are.
var open = map[string]string{
	"partition": "a number",
	"client_id": "the client's name",
	"node_id":   "the broker's number, or `seed_` and its place in `kafka.brokers`",
	"topic":     "its full name",
	"operation": "a kind of request", // of the simulator
	"status":    "HTTP status, 0 where the connection was cut",
}

// TestMetricsPage compares the tables of metrics.md with the metrics that the code
// has at its start. UPDATE=1 go test ./docs writes them.
//
// Every label value that the code can give must be there then: what has no series
// at the start is told apart by its labels, which must be open.
func TestMetricsPage(t *testing.T) {
	rows := map[string][]string{}
	for _, m := range metrics(t) {
		group := groupOf(m.name)
		rows[group] = append(rows[group], m.row())
	}
	data, err := os.ReadFile(metricsPage)
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	for _, group := range slices.Sorted(maps.Keys(rows)) {
		begin, end := "<!-- metrics: "+group+" -->\n", "<!-- end -->\n"
		head, rest, found := strings.Cut(page, begin)
		_, tail, ended := strings.Cut(rest, end)
		if !found || !ended {
			t.Fatalf("%s has no place for the metrics of %s, from %q to %q", metricsPage, group, begin, end)
		}
		page = head + begin + "| metric | type | labels | what |\n|---|---|---|---|\n" + strings.Join(rows[group], "") + end + tail
	}
	if page == string(data) {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Fatalf("%s is not as the code is; run UPDATE=1 go test ./docs and look at the difference", metricsPage)
	}
	if err := os.WriteFile(metricsPage, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestEveryMetricIsBuilt: a metric that the code names and metrics leaves out would
// be missing from the page.
func TestEveryMetricIsBuilt(t *testing.T) {
	var names []string
	for _, m := range metrics(t) {
		names = append(names, m.name)
	}
	literal := regexp.MustCompile(`"(callfold_[a-z_]+)"`)
	found := 0
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if entry != nil && (entry.Name() == "test" || strings.HasPrefix(entry.Name(), ".") && entry.Name() != "..") {
				return filepath.SkipDir
			}
			return err
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, match := range literal.FindAllStringSubmatch(string(source), -1) {
			found++
			if !slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, match[1]) }) {
				t.Errorf("%s: %s is not among the metrics that this test builds", path, match[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 20 {
		t.Errorf("only %d names of metrics were found in the code", found)
	}
}

// TestMetricNames has Prometheus' linter look at the names, types and help texts.
func TestMetricNames(t *testing.T) {
	families, err := everything(t).Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func groupOf(name string) string {
	longest := ""
	for prefix := range groups {
		if strings.HasPrefix(name, prefix) && len(prefix) > len(longest) {
			longest = prefix
		}
	}
	return groups[longest]
}

// everything has the metrics of all that callfold can run, before any of it runs.
func everything(t *testing.T) *prometheus.Registry {
	t.Helper()
	files, err := kafkatest.MakeFiles(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := os.ReadFile(files.ClientCert)
	if err != nil {
		t.Fatal(err)
	}
	s := settings.Default()
	s.Kafka.TLS = settings.TLS{Enabled: true, CAFile: files.CA, CertFile: files.ClientCert, KeyFile: files.ClientKey}
	s.Kafka.Brokers = []string{"127.0.0.1:1"} // nobody is asked
	s.Ingest.Tokens = []settings.Secret{"token"}
	s.Processor.StateDir, s.Sink.StateDir = "", "" // in memory
	s.Sink.Reconcile = "fill"
	s.Salesforce.LoginURL = "https://example.my.salesforce.com"
	s.Salesforce.Auth = settings.Auth{Flow: "client_credentials", ClientID: "id", ClientSecret: "secret", PrivateKey: settings.Secret(certificate)}
	s.Aircall.APIID, s.Aircall.APIToken = "id", "token"

	a := app.New(s, slog.New(slog.DiscardHandler))
	ingest, err := a.Ingest()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ingest.Close)
	if _, err := a.Processor(); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Sink(); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Aircall(s.Aircall, a.Registry); err != nil {
		t.Fatal(err)
	}
	backfill.New(backfill.Options{Registerer: a.Registry})
	a.LogReaders("backfill")
	if _, err := canary.New(canary.Options{CallID: canary.FirstID, Registerer: a.Registry}); err != nil {
		t.Fatal(err)
	}
	traffic.NewSender(traffic.SenderOptions{CallsPerMinute: 1, Generator: traffic.New(traffic.Options{}), Registerer: a.Registry})
	org, err := sfsim.New(sfsim.Options{Registerer: a.Registry})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := org.Close(); err != nil {
			t.Error(err)
		}
	})
	return a.Registry
}

// notMade are metrics that kprom describes, and makes series of only with options
// that we do not use.
var notMade = regexp.MustCompile(`^callfold_kafka_(.*_compressed_bytes_total|.*_batches_total|.*_records_total|.*_seconds)$`)

// metric is one row.
type metric struct {
	name, kind, help string
	labels           map[string][]string // with their values; none where they are open
}

// metrics are ours, by name.
func metrics(t *testing.T) []metric {
	t.Helper()
	registry := everything(t)
	found := map[string]*metric{}
	for _, m := range described(t, registry) {
		if known := found[m.name]; known != nil { // of another stage
			for label, values := range m.labels {
				known.labels[label] = append(known.labels[label], values...)
			}
			continue
		}
		found[m.name] = &m
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		m := found[f.GetName()]
		if m == nil {
			continue
		}
		m.kind = strings.ToLower(f.GetType().String())
		for _, series := range f.Metric {
			for _, l := range series.Label {
				if !m.isOpen(l.GetName()) {
					m.labels[l.GetName()] = append(m.labels[l.GetName()], l.GetValue())
				}
			}
		}
	}
	for _, m := range found {
		if m.kind == "" { // all of its labels are open, so nothing is there yet
			m.kind = "gauge"
			if strings.HasSuffix(m.name, "_total") {
				m.kind = "counter"
			}
		}
		for label, values := range m.labels {
			if len(values) == 0 && !m.isOpen(label) {
				t.Errorf("%s has no series at the start: create one for each value of %s", m.name, label)
			}
		}
	}
	return slices.SortedFunc(func(yield func(metric) bool) {
		for _, m := range found {
			if !yield(*m) {
				return
			}
		}
	}, func(a, b metric) int { return cmp.Compare(a.name, b.name) })
}

// described are the metrics as the registry describes them, which is also what has no
// series yet. A Desc has no accessors; its text has everything but the type.
func described(t *testing.T, registry *prometheus.Registry) []metric {
	t.Helper()
	text := regexp.MustCompile(`^Desc\{fqName: "(callfold_[a-z_]+)", help: (".*"), constLabels: \{(.*)\}, variableLabels: \{(.*)\}\}$`)
	constant := regexp.MustCompile(`([a-z_]+)="([^"]*)"`)
	descs := make(chan *prometheus.Desc, 1000)
	registry.Describe(descs)
	close(descs)
	var found []metric
	for d := range descs {
		parts := text.FindStringSubmatch(d.String())
		if parts == nil || notMade.MatchString(parts[1]) {
			continue // the former are of the Go runtime
		}
		m := metric{name: parts[1], labels: map[string][]string{}}
		if _, err := fmt.Sscanf(parts[2], "%q", &m.help); err != nil {
			t.Fatalf("%s: %v", d, err)
		}
		for _, l := range constant.FindAllStringSubmatch(parts[3], -1) {
			m.labels[l[1]] = nil
			if !m.isOpen(l[1]) {
				m.labels[l[1]] = []string{l[2]}
			}
		}
		for label := range strings.SplitSeq(parts[4], ",") {
			if label != "" {
				m.labels[label] = nil
			}
		}
		found = append(found, m)
	}
	return found
}

// isOpen tells whether the values of a label are no closed set.
func (m metric) isOpen(label string) bool {
	if label == "operation" {
		return strings.HasPrefix(m.name, "callfold_simulator_")
	}
	return open[label] != ""
}

// row is the metric as a line of the table.
func (m metric) row() string {
	var labels []string
	for _, label := range slices.Sorted(maps.Keys(m.labels)) {
		values := m.labels[label]
		what := open[label]
		if len(values) > 0 {
			slices.Sort(values)
			what = "`" + strings.Join(slices.Compact(values), "`, `") + "`"
		}
		labels = append(labels, "`"+label+"`: "+what)
	}
	return fmt.Sprintf("| `%s` | %s | %s | %s |\n", m.name, m.kind, strings.Join(labels, "; "), strings.ReplaceAll(m.help, "|", `\|`))
}
