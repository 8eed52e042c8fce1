package main

import (
	"strings"
	"testing"
)

const exposition = `# HELP callfold_transactions_total Transactions by result.
# TYPE callfold_transactions_total counter
callfold_transactions_total{result="aborted",stage="processor"} 3
callfold_transactions_total{result="committed",stage="processor"} 1.5e+03
callfold_transactions_total{result="aborted",stage="sink"} 2
callfold_transactions_total_more 7
go_goroutines 12
`

func TestParseMetrics(t *testing.T) {
	values, err := parseMetrics(strings.NewReader(exposition))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		labels []string
		want   float64
	}{
		{[]string{`result="aborted"`}, 5},
		{[]string{`result="aborted"`, `stage="sink"`}, 2},
		{[]string{`stage="processor"`}, 1503},
		{[]string{`result="unknown"`}, 0},
	} {
		if got := sumSeries(values, "callfold_transactions_total", c.labels); got != c.want {
			t.Errorf("%v: %v, want %v", c.labels, got, c.want)
		}
	}
	if _, err := parseMetrics(strings.NewReader("callfold_x many\n")); err == nil {
		t.Error("many is a number")
	}
}
