package canary

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/tidwall/gjson"
)

// answerWithin is how long Aircall waits for an answer.
const answerWithin = 5 * time.Second

// mends say what to look at, by the status that the front door answered with.
var mends = map[int]string{
	http.StatusUnauthorized:       "the first token of ingest.tokens and ingest.tokens_file is none that it accepts",
	http.StatusNotFound:           "--url must have the path of the webhook, /webhooks/aircall",
	http.StatusMethodNotAllowed:   "--url must have the path of the webhook, /webhooks/aircall",
	http.StatusServiceUnavailable: "it can neither reach a broker nor use its journal; see its /readyz",
}

// send posts a webhook as Aircall does, once, and gives an error unless it was
// accepted. The URL may hold a secret and is not in the error.
func (c *Canary) send(ctx context.Context, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.o.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("posting the webhook: %w", bare(err))
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("posting the webhook: %w", bare(err))
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err != nil {
		return fmt.Errorf("reading the answer to the webhook: %w", err)
	}
	status, reason := gjson.GetBytes(answer, "status").Str, gjson.GetBytes(answer, "reason").Str
	switch {
	case resp.StatusCode != http.StatusOK:
		problem := fmt.Errorf("the webhook was answered with HTTP %d", resp.StatusCode)
		if mend := mends[resp.StatusCode]; mend != "" {
			problem = fmt.Errorf("%w: %s", problem, mend)
		}
		return problem
	case status == "rejected":
		return fmt.Errorf("the webhook was rejected: %s; callfold rejected list shows it", reason)
	case status != "accepted":
		return errors.New("what answered the webhook is not callfold ingest: it did not say that it accepted the event")
	}
	return nil
}

// bare is an error of the HTTP client without the URL.
func bare(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
