//go:build prometheus

package promql

import (
	"regexp"
	"slices"
	"testing"
)

var (
	storedSeries = regexp.MustCompile(`(?m)^(callfold_[a-z_]+)(?:\{(.*)\})? \S+$`)
	storedLabel  = regexp.MustCompile(`([a-z_]+)="([^"]*)"`)
)

// checkSeries wants every series of a process at work to be one of docs/metrics.md: a
// label value that comes up only then was not created at the start, when the page is made.
func checkSeries(t *testing.T, metrics []byte) {
	rows := documentedRows(t)
	found := 0
	for _, series := range storedSeries.FindAllSubmatch(metrics, -1) {
		found++
		name := string(series[1])
		_, d := kindOf(name, rows)
		if d.labels == nil {
			t.Errorf("%s is not documented", name)
			continue
		}
		for _, label := range storedLabel.FindAllSubmatch(series[2], -1) {
			label, value := string(label[1]), string(label[2])
			if values, ok := d.labels[label]; label != "le" && (!ok || len(values) > 0 && !slices.Contains(values, value)) {
				t.Errorf("%s has %s=%q, which is not documented: has it been there from the start?", name, label, value)
			}
		}
	}
	if found < 300 {
		t.Errorf("only %d series were found", found)
	}
}
