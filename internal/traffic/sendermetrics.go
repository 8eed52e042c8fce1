package traffic

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// How a request ended.
const (
	resultAccepted = "accepted" // 2xx
	resultRefused  = "refused"  // any other answer
	resultFailed   = "failed"   // no answer in time
)

type senderMetrics struct {
	calls    prometheus.Counter
	requests *prometheus.CounterVec
}

// newSenderMetrics registers the sender's metrics; r may be nil.
func newSenderMetrics(r prometheus.Registerer) *senderMetrics {
	f := promauto.With(r)
	m := &senderMetrics{
		calls: f.NewCounter(prometheus.CounterOpts{
			Name: "callfold_traffic_calls_total",
			Help: "Generated calls whose sending has begun.",
		}),
		requests: f.NewCounterVec(prometheus.CounterOpts{
			Name: "callfold_traffic_requests_total",
			Help: "Webhook requests sent, tries included, by result: accepted (2xx), refused (any other answer), failed (no answer in time).",
		}, []string{"result"}),
	}
	for _, result := range []string{resultAccepted, resultRefused, resultFailed} {
		m.requests.WithLabelValues(result)
	}
	return m
}
