package canary

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	calls   *prometheus.CounterVec
	seconds prometheus.Histogram
	written prometheus.Gauge
}

// newMetrics registers the metrics; r may be nil.
func newMetrics(r prometheus.Registerer) *metrics {
	f := promauto.With(r)
	m := &metrics{
		calls: f.NewCounterVec(prometheus.CounterOpts{
			Name: "callfold_canary_calls_total",
			Help: "Synthetic calls by how they ended: unwritten by a rule or a setting, refused by Salesforce, late after --timeout, unaccepted by the front door, unseen where Kafka could not be asked.",
		}, []string{"result"}),
		seconds: f.NewHistogram(prometheus.HistogramOpts{
			Name:    "callfold_canary_seconds",
			Help:    "From the sending of a synthetic call to its Task being written; only of those that were.",
			Buckets: []float64{.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800},
		}),
		written: f.NewGauge(prometheus.GaugeOpts{
			Name: "callfold_canary_last_written_timestamp_seconds",
			Help: "UNIX time at which a synthetic call was last known to be written; 0 while none was since the start.",
		}),
	}
	for _, result := range []Result{Written, Unwritten, Refused, Late, Unaccepted, Unseen} {
		m.calls.WithLabelValues(string(result))
	}
	return m
}

// count takes account of a run that ended at a time.
func (m *metrics) count(r *Report, now time.Time) {
	m.calls.WithLabelValues(string(r.Result)).Inc()
	if r.Result == Written {
		m.seconds.Observe(r.Seconds)
		m.written.Set(float64(now.UnixMilli()) / 1000)
	}
}
