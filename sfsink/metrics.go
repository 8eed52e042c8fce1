package sfsink

import (
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callfold/callfold/schemas"
)

type metrics struct {
	outcomes  *prometheus.CounterVec
	retries   *prometheus.CounterVec
	lookups   *prometheus.CounterVec
	confirmed *prometheus.CounterVec
	paused    *prometheus.GaugeVec
	delay     prometheus.Histogram

	now func() time.Time
	mu  sync.Mutex
	// waiting is when the oldest record came of each partition whose newest
	// turn was given up.
	waiting map[int32]time.Time
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
		paused: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "callfold_sink_paused",
			Help: "1 while nothing is written to Salesforce, by reason (sign_in, config, org, throttle, outage, internal).",
		}, []string{"reason"}),
		delay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "callfold_sink_event_to_task_seconds",
			Help:    "From the newest event of a call to its Task being written.",
			Buckets: []float64{.5, 1, 2, 5, 10, 30, 60, 300, 1800, 3600, 6 * 3600, 24 * 3600},
		}),
		now:     now,
		waiting: map[int32]time.Time{},
	}
	oldest := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "callfold_sink_oldest_unwritten_seconds",
		Help: "Age of the oldest call that waits because writing is stopped; 0 while it is not.",
	}, m.oldest)
	if r != nil {
		r.MustRegister(m.outcomes, m.retries, m.lookups, m.confirmed, m.paused, m.delay, oldest)
	}
	return m
}

// gauges tells how the sink holds back.
func (m *metrics) gauges(r prometheus.Registerer, g *governor, s *slots) {
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

// turn notes how a turn ended.
func (m *metrics) turn(inputs []input, err error) {
	m.paused.Reset()
	if err != nil {
		reason := "internal"
		if s := (*Stopped)(nil); errors.As(err, &s) {
			reason = s.Reason
		}
		m.paused.WithLabelValues(reason).Set(1)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, in := range inputs {
		delete(m.waiting, in.partition)
		if err != nil && len(in.records) > 0 {
			m.waiting[in.partition] = in.records[0].Timestamp
		}
	}
}

func (m *metrics) oldest() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	age := time.Duration(0)
	for _, at := range m.waiting {
		age = max(age, m.now().Sub(at))
	}
	return age.Seconds()
}
