package promql

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// documented is one row of docs/metrics.md, which is made from the code.
type documented struct {
	kind   string              // counter, gauge or histogram
	labels map[string][]string // with their values; none where these are no closed set
}

var (
	metricRow   = regexp.MustCompile("(?m)^\\| `(callfold_[a-z_]+)` \\| ([a-z]+) \\| ([^|]*) \\|")
	metricLabel = regexp.MustCompile("^`([a-z_]+)`: (.*)$")
	labelValue  = regexp.MustCompile("`([^`]+)`")
)

// documentedRows are all rows of docs/metrics.md, by metric.
func documentedRows(t *testing.T) map[string]documented {
	t.Helper()
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]documented{}
	for _, row := range metricRow.FindAllStringSubmatch(string(page), -1) {
		d := documented{kind: row[2], labels: map[string][]string{}}
		for label := range strings.SplitSeq(row[3], "; ") {
			m := metricLabel.FindStringSubmatch(label)
			if m == nil {
				continue // it has none
			}
			d.labels[m[1]] = nil
			if strings.HasPrefix(m[2], "`") {
				for _, value := range labelValue.FindAllStringSubmatch(m[2], -1) {
					d.labels[m[1]] = append(d.labels[m[1]], value[1])
				}
			}
		}
		rows[row[1]] = d
	}
	if len(rows) < 50 {
		t.Fatalf("docs/metrics.md has only %d metrics that this test can read", len(rows))
	}
	return rows
}
