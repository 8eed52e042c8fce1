package salesforce

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// What becomes of a request: the values of the label result.
const (
	resultOK         = "ok"
	resultRefused    = "refused"
	resultUnanswered = "unanswered"
)

type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	used     prometheus.Gauge
	allowed  prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callfold_salesforce_requests_total",
			Help: "API requests sent to Salesforce, by operation and result. bulk_query and bulk_ingest are all that is asked about such a job.",
		}, []string{"operation", "result"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "callfold_salesforce_request_seconds",
			Help:    "How long Salesforce took to answer a request.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 20, 30},
		}, []string{"operation"}),
		used: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "callfold_salesforce_api_requests_used",
			Help: "API requests of the whole org in the last 24 hours, as Salesforce last said.",
		}),
		allowed: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "callfold_salesforce_api_requests_allowed",
			Help: "API requests that the whole org may send in 24 hours, as Salesforce last said.",
		}),
	}
	// Every series exists from the start, so that rates do not miss the first.
	for _, operation := range operations {
		m.seconds.WithLabelValues(operation)
		for _, result := range []string{resultOK, resultRefused, resultUnanswered} {
			m.requests.WithLabelValues(operation, result)
		}
	}
	if r != nil {
		r.MustRegister(m.requests, m.seconds, m.used, m.allowed)
	}
	return m
}

func (m *metrics) request(operation, result string, took time.Duration) {
	m.requests.WithLabelValues(operation, result).Inc()
	m.seconds.WithLabelValues(operation).Observe(took.Seconds())
}

func (m *metrics) usage(u Usage) {
	m.used.Set(float64(u.Used))
	m.allowed.Set(float64(u.Allowed))
}
