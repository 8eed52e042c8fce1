package observe

import "github.com/prometheus/client_golang/prometheus"

var readyDesc = prometheus.NewDesc("callfold_ready",
	"1 while the process is ready, 0 while it is not; /readyz and the log say why.", nil, nil)

// Describe makes Health a [prometheus.Collector], with [Health.Collect].
func (h *Health) Describe(descs chan<- *prometheus.Desc) { descs <- readyDesc }

// Collect tells whether the process is ready. One that is not may get no requests, and so
// counts no failing ones; this is what an alert sees of it.
func (h *Health) Collect(metrics chan<- prometheus.Metric) {
	value := 0.0
	if ready(h.Components()) {
		value = 1
	}
	metrics <- prometheus.MustNewConstMetric(readyDesc, prometheus.GaugeValue, value)
}
