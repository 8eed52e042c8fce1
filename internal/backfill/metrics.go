package backfill

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// What became of a call that was read.
const (
	resultPublished = "published"
	resultUnchanged = "unchanged"
	resultErased    = "erased"
)

type metrics struct {
	calls           *prometheus.CounterVec
	missing, closed prometheus.Counter
	readUntil       prometheus.Gauge
}

// newMetrics registers the metrics; r may be nil.
func newMetrics(r prometheus.Registerer) *metrics {
	f := promauto.With(r)
	m := &metrics{
		calls: f.NewCounterVec(prometheus.CounterOpts{
			Name: "callfold_backfill_calls_total",
			Help: "Calls read from Aircall's REST API, by what became of them; unchanged were read before, and are the same since.",
		}, []string{"result"}),
		missing: f.NewCounter(prometheus.CounterOpts{
			Name: "callfold_backfill_missing_total",
			Help: "Calls that Aircall has and the log lacked: webhooks that did not come.",
		}),
		closed: f.NewCounter(prometheus.CounterOpts{
			Name: "callfold_backfill_closed_total",
			Help: "Calls of which the log knew no end, and Aircall does.",
		}),
		readUntil: f.NewGauge(prometheus.GaugeOpts{
			Name: "callfold_backfill_read_until_seconds",
			Help: "UNIX time up to which the calls of Aircall were read; during a round it goes back to the window's start; 0 while none were.",
		}),
	}
	for _, result := range []string{resultPublished, resultUnchanged, resultErased} {
		m.calls.WithLabelValues(result)
	}
	return m
}
