package reconcile

import "github.com/prometheus/client_golang/prometheus"

// walkMetrics count what a walk looks at and finds.
type walkMetrics struct {
	calls, tasks  prometheus.Counter
	found, mended *prometheus.CounterVec
}

func newWalkMetrics(r prometheus.Registerer) walkMetrics {
	m := walkMetrics{
		calls: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "callfold_sink_reconcile_calls_total",
			Help: "Calls whose Tasks were looked for, and compared with what was written to them (sink.reconcile).",
		}),
		tasks: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "callfold_sink_reconcile_tasks_total",
			Help: "External ids of Tasks of which it was looked whether the log has the call; with several processes each looks through all, and judges those of its own partitions.",
		}),
		found: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callfold_sink_reconcile_found_total",
			Help: "Calls whose Tasks were missing or not as they were written, and external ids of Tasks without a call (orphaned), by what happened. What is not mended is counted again in every round.",
		}, []string{"kind"}),
		mended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callfold_sink_reconcile_rewritten_total",
			Help: "Those of them that the sink was told to write again, by what happened.",
		}, []string{"kind"}),
	}
	for _, kind := range []Kind{Missing, Deleted, Edited, Duplicated, Orphaned} {
		m.found.WithLabelValues(string(kind))
		m.mended.WithLabelValues(string(kind))
	}
	if r != nil {
		r.MustRegister(m.calls, m.tasks, m.found, m.mended)
	}
	return m
}
