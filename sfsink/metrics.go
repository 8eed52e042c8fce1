package sfsink

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callfold/callfold/schemas"
)

// Label values, in closed sets. Outcomes are schemas.Results, classes bySeverity.
const (
	// Where the match of a number came from.
	lookupRemembered = "remembered" // with the call
	lookupCached     = "cache"
	lookupQueried    = "query"

	// What was found when a Task was read back.
	foundAsWanted = "as_wanted"
	foundMended   = "mended"
	foundGone     = "gone"

	// What became of a row of a bulk job.
	bulkWritten = "written"
	bulkRefused = "refused"
	bulkUntold  = "untold"

	// How a bulk job ended.
	bulkComplete = "complete"
	bulkFailed   = "failed"
	bulkAborted  = "aborted"
	bulkGone     = "gone"

	// What becomes of a rewrite that cannot be done in this turn.
	rewritePutOff = "put_off"
	rewriteBulk   = "bulk"
)

type metrics struct {
	outcomes  *prometheus.CounterVec
	rewrites  *prometheus.CounterVec
	refusals  *prometheus.CounterVec
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
			Help: "Calls that the sink looked at, by outcome; one is looked at again with each of its events.",
		}, []string{"result"}),
		rewrites: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callfold_sink_rewrites_total",
			Help: "Rewrites that an operator asked for, by what became of them: an outcome, put_off (waits for API requests) or bulk (given to a bulk job).",
		}, []string{"result"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callfold_sink_refusals_total",
			Help: "Calls that were rejected, by class of the error.",
		}, []string{"class"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callfold_sink_retries_total",
			Help: "Rows and requests that are tried again, by class of the error (docs/salesforce.md).",
		}, []string{"class"}),
		lookups: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callfold_sink_lookups_total",
			Help: "Numbers looked up, by where the match came from; remembered is with the call.",
		}, []string{"source"}),
		confirmed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callfold_sink_confirmed_total",
			Help: "Tasks read back after a request of which nobody knew what became of it, by what was found; gone is deleted meanwhile.",
		}, []string{"result"}),
		bulkRows: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callfold_sink_bulk_rows_total",
			Help: "Rows of bulk jobs that have ended, by what became of them. Those that are refused, and untold, of which the job says nothing, are written by collections then.",
		}, []string{"result"}),
		bulkJobs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callfold_sink_bulk_jobs_total",
			Help: "Bulk jobs whose results were read, by how they ended; Salesforce does not know those any more that are gone. One whose calls are in several batches counts for each.",
		}, []string{"result"}),
		delay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "callfold_sink_event_to_task_seconds",
			Help:    "Freshness: from the newest event of a call to its Task being written. Where that is an operator's command nothing is observed.",
			Buckets: []float64{.5, 1, 2, 5, 10, 30, 60, 300, 1800, 3600, 6 * 3600, 24 * 3600},
		}),
		now: now,
	}
	m.begin()
	if r != nil {
		r.MustRegister(m.outcomes, m.rewrites, m.refusals, m.retries, m.lookups, m.confirmed, m.bulkRows, m.bulkJobs, m.delay)
	}
	return m
}

// begin makes every series, so that rates do not miss the first.
func (m *metrics) begin() {
	for _, result := range schemas.Results() {
		m.outcomes.WithLabelValues(string(result))
		m.rewrites.WithLabelValues(string(result))
	}
	for _, c := range bySeverity {
		m.retries.WithLabelValues(string(c))
		if !c.stops() { // such an error rejects no call
			m.refusals.WithLabelValues(string(c))
		}
	}
	for counter, values := range map[*prometheus.CounterVec][]string{
		m.lookups:   {lookupRemembered, lookupCached, lookupQueried},
		m.confirmed: {foundAsWanted, foundMended, foundGone},
		m.bulkRows:  {bulkWritten, bulkRefused, bulkUntold},
		m.rewrites:  {rewritePutOff, rewriteBulk},
		m.bulkJobs:  {bulkComplete, bulkFailed, bulkAborted, bulkGone},
	} {
		for _, value := range values {
			counter.WithLabelValues(value)
		}
	}
}

// gauges tells how the sink holds back.
func (m *metrics) gauges(r prometheus.Registerer, g *governor, s *slots, p *pace) {
	if r == nil {
		return
	}
	r.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "callfold_sink_api_exhaustion_seconds",
			Help: "In how long the share of the org's API requests that is not reserved for others (salesforce.api_reserve) is used up, if use grows as in the last hour; 0 when it is, +Inf while use does not grow.",
		}, g.exhaustion),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "callfold_sink_write_slots",
			Help: "Write requests that may be under way at once: halved when rows are locked or Salesforce takes no more at once, one more after each round that goes well.",
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
	if result := j.rewritten(); result != "" {
		m.rewrites.WithLabelValues(result).Inc()
	}
	if r := j.outcome.Result; r != schemas.Created && r != schemas.Updated {
		return
	}
	// A rewrite that an operator asked for waits behind live calls, and is not late.
	s := &j.record.State
	if at := s.Newest; at.Time > 0 && at != s.Rewrite.At && at != s.Rematch.At && at != s.Retry.At {
		m.delay.Observe(max(0, m.now().Sub(time.Unix(at.Time, 0)).Seconds()))
	}
}

// rewritten is what became of the rewrite that an operator asked for: empty where
// nobody did, or where it only waits on.
func (j *job) rewritten() string {
	o := j.outcome
	switch {
	case j.bulk.result != "" && !j.rewrite:
		return string(o.Result) // a bulk job has carried it out
	case !j.rewrite:
		return ""
	case o.Result != schemas.Waiting:
		return string(o.Result)
	case o.Rule == ruleBulk:
		if j.prev.Bulk != nil {
			return ""
		}
		return rewriteBulk
	case o.Rule == ruleReserve:
		if j.prev.Result == schemas.Waiting && j.prev.Rule == ruleReserve {
			return ""
		}
		return rewritePutOff
	}
	return string(o.Result)
}
