package ingest

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callfold/callfold/schemas"
)

// families are Aircall's webhook families beside calls. They share the endpoint
// and are counted, not stored; what is in no list counts as "other".
var families = []string{
	"user", "contact", "number", "message", "integration",
	"transcription", "summary", "sentiment", "ai_voice_agent",
}

const otherFamily = "other"

// rejectReasons are the reasons for which the door rejects.
var rejectReasons = []schemas.RejectReason{
	schemas.NotJSON, schemas.NotACall, schemas.NoID, schemas.BadID,
	schemas.RepeatedKeys, schemas.NoTime, schemas.FutureTime, schemas.TooLarge,
}

type metrics struct {
	requests *prometheus.CounterVec
	ignored  *prometheus.CounterVec
	rejected *prometheus.CounterVec
	durable  prometheus.Histogram
	inFlight prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callfold_ingest_requests_total",
			Help: "Webhook requests by how they ended: accepted, ignored and rejected were answered with 200, and stored but for ignored; unavailable with 503.",
		}, []string{"result"}),
		ignored: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callfold_ingest_ignored_total",
			Help: "Webhooks that are not about a call, by Aircall's event family.",
		}, []string{"family"}),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callfold_ingest_rejected_total",
			Help: "Webhooks stored in the topic rejected, by reason.",
		}, []string{"reason"}),
		durable: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "callfold_ingest_durable_seconds",
			Help:    "Time from the start of a request until its record was on all in-sync replicas, or in the journal.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2, 4},
		}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "callfold_ingest_in_flight_requests",
			Help: "Webhook requests being handled now.",
		}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.ignored, m.rejected, m.durable, m.inFlight} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("registering the metrics of ingest: %w", err)
		}
	}
	// Every series exists from the start, so that rates do not miss the first.
	for _, r := range results {
		m.requests.WithLabelValues(string(r))
	}
	for _, f := range families {
		m.ignored.WithLabelValues(f)
	}
	m.ignored.WithLabelValues(otherFamily)
	for _, r := range rejectReasons {
		m.rejected.WithLabelValues(string(r))
	}
	return m, nil
}
