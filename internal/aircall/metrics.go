package aircall

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// How a request ended.
const (
	succeeded  = "ok"
	limited    = "limited"    // 429: too many requests
	refused    = "refused"    // any other answer
	unanswered = "unanswered" // no answer in time
)

func resultOf(status int) string {
	switch status {
	case http.StatusOK:
		return succeeded
	case http.StatusTooManyRequests:
		return limited
	}
	return refused
}

// newRequests registers the client's metric; r may be nil.
func newRequests(r prometheus.Registerer) *prometheus.CounterVec {
	requests := promauto.With(r).NewCounterVec(prometheus.CounterOpts{
		Name: "callfold_aircall_requests_total",
		Help: "Requests to Aircall's REST API by result; limited is 429, refused any other answer than 200.",
	}, []string{"result"})
	for _, result := range []string{succeeded, limited, refused, unanswered} {
		requests.WithLabelValues(result)
	}
	return requests
}
