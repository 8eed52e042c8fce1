package ingest

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/callfold/callfold/ingest/journal"
	"github.com/callfold/callfold/schemas"
)

// retryAfter is what a 503 asks for. Aircall's own pace between retries is not
// published; others may heed it.
const retryAfter = 10 * time.Second

// result is how a request ended. It is a closed set and a metric label.
type result string

const (
	accepted     result = "accepted"     // 200, durable in events or in the journal
	ignored      result = "ignored"      // 200, not about a call
	rejected     result = "rejected"     // 200, durable in rejected or in the journal
	unauthorized result = "unauthorized" // 401
	badRequest   result = "bad_request"  // 400, not JSON
	tooLarge     result = "too_large"    // 413
	badMethod    result = "method"       // 405
	unavailable  result = "unavailable"  // 503, not known to be durable
	incomplete   result = "incomplete"   // the body did not come in full: 503 with a valid token, else 400
)

var results = []result{accepted, ignored, rejected, unauthorized, badRequest, tooLarge, badMethod, unavailable, incomplete}

// answer is what a request is answered with.
type answer struct {
	result result
	status int
	body   string
}

func ok(r result) answer {
	return answer{r, http.StatusOK, fmt.Sprintf("{\"status\":%q}\n", r)}
}

func fail(r result, status int, sentence string) answer {
	return answer{r, status, fmt.Sprintf("{\"error\":%q}\n", sentence)}
}

var (
	answerAccepted     = ok(accepted)
	answerIgnored      = ok(ignored)
	answerMethod       = fail(badMethod, http.StatusMethodNotAllowed, "Webhooks are sent with POST.")
	answerUnauthorized = fail(unauthorized, http.StatusUnauthorized, "The body carries no token that is accepted here.")
	answerNotJSON      = fail(badRequest, http.StatusBadRequest, "The body is not JSON.")
	answerEmpty        = fail(badRequest, http.StatusBadRequest, "The body is empty.")
	answerDeep         = fail(badRequest, http.StatusBadRequest, "The body is nested too deeply.")
	answerCompressed   = fail(badRequest, http.StatusBadRequest, "The body is compressed; it must be sent as plain JSON.")
	answerTooLarge     = fail(tooLarge, http.StatusRequestEntityTooLarge, "The body is larger than 1 MiB.")
	answerIncomplete   = fail(incomplete, http.StatusBadRequest, "The body did not arrive in full, or not in time.")
	answerInterrupted  = fail(incomplete, http.StatusServiceUnavailable, "The body did not arrive in full, or not in time; send it again.")
	answerBusy         = fail(unavailable, http.StatusServiceUnavailable, "Too many large requests at once; send it again.")
	answerUnavailable  = fail(unavailable, http.StatusServiceUnavailable, "The event could not be stored for certain; send it again.")
	answerFull         = fail(unavailable, http.StatusServiceUnavailable, "No broker takes events, and the journal is full; send it again.")
)

// unavailableFor is the answer for a record that was not stored.
func unavailableFor(err error) answer {
	if errors.Is(err, journal.ErrFull) {
		return answerFull
	}
	return answerUnavailable
}

func answerRejected(reason schemas.RejectReason) answer {
	return answer{rejected, http.StatusOK, fmt.Sprintf("{\"status\":\"rejected\",\"reason\":%q}\n", reason)}
}

func (a answer) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	switch a.status {
	case http.StatusMethodNotAllowed:
		h.Set("Allow", http.MethodPost)
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
	}
	w.WriteHeader(a.status)
	// A client that is gone does not read its answer; there is nobody to tell.
	_, _ = w.Write([]byte(a.body))
}
