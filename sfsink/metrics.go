package sfsink

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callfold/callfold/schemas"
)

type metrics struct {
	outcomes  *prometheus.CounterVec
	retries   *prometheus.CounterVec
	lookups   *prometheus.CounterVec
	confirmed *prometheus.CounterVec
	bulkRows  *prometheus.CounterVec
	bulkJobs  *prometheus.CounterVec
	delay     prometheus.Histogram

	now func() time.Time
}

func newMetrics(r prometheus.Registerer, now func() time.Time) *metrics {
	m := &metrics{
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callfold_sink_rows_total",
			Help: "Calls that the sink looked at, by outcome.",
		}, []string{"result"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callfold_sink_retries_total",
			Help: "Requests and rows that are tried again, by class of the error.",
		}, []string{"class"}),
		lookups: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callfold_sink_lookups_total",
			Help: "Numbers looked up, by where the match came from (remembered with the call, cache, query).",
		}, []string{"source"}),
		confirmed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callfold_sink_confirmed_total",
			Help: "Tasks read back after a request of which nobody knew what became of it, by what was found (as_wanted, mended, gone).",
		}, []string{"result"}),
		bulkRows: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callfold_sink_bulk_rows_total",
			Help: "Rows of bulk jobs that have ended, by what became of them (written, refused, untold).",
		}, []string{"result"}),
		bulkJobs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callfold_sink_bulk_jobs_total",
			Help: "Results of bulk jobs that were read, by how the job ended (complete, failed, aborted, gone).",
		}, []string{"result"}),
		delay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "callfold_sink_event_to_task_seconds",
			Help:    "From the newest event of a call to its Task being written.",
			Buckets: []float64{.5, 1, 2, 5, 10, 30, 60, 300, 1800, 3600, 6 * 3600, 24 * 3600},
		}),
		now: now,
	}
	if r != nil {
		r.MustRegister(m.outcomes, m.retries, m.lookups, m.confirmed, m.bulkRows, m.bulkJobs, m.delay)
	}
	return m
}

// gauges tells how the sink holds back.
func (m *metrics) gauges(r prometheus.Registerer, g *governor, s *slots, p *pace) {
	if r == nil {
		return
	}
	r.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "callfold_sink_api_exhaustion_seconds",
			Help: "In how long the share of the org's API requests that is not reserved for others is used up, if use grows as in the last hour; 0 when it is, +Inf while use does not grow.",
		}, g.exhaustion),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "callfold_sink_write_slots",
			Help: "Write requests that may be under way at once; halved when they get in each other's way.",
		}, s.allowed),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "callfold_sink_linger_seconds",
			Help: "How long a lane was last told to let calls gather before it spends API requests on them; 0 while few are used.",
		}, p.lingers),
	)
}

// outcome counts a finished call.
func (m *metrics) outcome(j *job) {
	m.outcomes.WithLabelValues(string(j.outcome.Result)).Inc()
	if r := j.outcome.Result; r == schemas.Created || r == schemas.Updated {
		if at := j.record.State.Newest.Time; at > 0 {
			m.delay.Observe(max(0, m.now().Sub(time.Unix(at, 0)).Seconds()))
		}
	}
}
