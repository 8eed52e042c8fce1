package reconcile

import "github.com/prometheus/client_golang/prometheus"

// walkMetrics count what a walk looks at and finds.
type walkMetrics struct {
	calls         prometheus.Counter
	found, mended *prometheus.CounterVec
}

func newWalkMetrics(r prometheus.Registerer) walkMetrics {
	m := walkMetrics{
		calls: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "callfold_sink_reconcile_calls_total",
			Help: "Calls whose Tasks were compared with what was written to them (sink.reconcile).",
		}),
		found: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callfold_sink_reconcile_found_total",
			Help: "Calls whose Tasks were not as they were written, by what happened (deleted, edited, duplicated).",
		}, []string{"kind"}),
		mended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callfold_sink_reconcile_rewritten_total",
			Help: "Those of them that the sink was told to write again, by what happened.",
		}, []string{"kind"}),
	}
	for _, kind := range []Kind{Deleted, Edited, Duplicated} {
		m.found.WithLabelValues(string(kind))
		m.mended.WithLabelValues(string(kind))
	}
	if r != nil {
		r.MustRegister(m.calls, m.found, m.mended)
	}
	return m
}
