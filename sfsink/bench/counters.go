//go:build unix

package main

import (
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// counters are the sums of what the sink counts: rows, some of them by result, jobs
// that are complete, and requests that write.
func counters(registry *prometheus.Registry) (map[string]float64, error) {
	families, err := registry.Gather()
	if err != nil {
		return nil, fmt.Errorf("reading the metrics: %w", err)
	}
	count := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			switch v := m.GetCounter().GetValue(); f.GetName() {
			case "callfold_sink_rows_total":
				count["rows"] += v
				count[m.Label[0].GetValue()] += v
			case "callfold_sink_bulk_jobs_total":
				count[m.Label[0].GetValue()] += v
			case "callfold_salesforce_requests_total":
				if strings.HasPrefix(m.Label[0].GetValue(), "bulk") || strings.HasPrefix(m.Label[0].GetValue(), "co") {
					count["requests"] += v
				}
			}
		}
	}
	return count, nil
}
