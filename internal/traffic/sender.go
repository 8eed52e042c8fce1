package traffic

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	// answerTime is how long Aircall waits for an answer.
	answerTime = 5 * time.Second

	// maxTries and maxRetryTime are when Aircall gives an event up.
	maxTries     = 50
	maxRetryTime = 12 * time.Hour
)

// SenderOptions are the settings of a [Sender].
type SenderOptions struct {
	// URL is the webhook endpoint.
	URL string

	// CallsPerMinute is how many calls begin in a minute of real time, on
	// average; they come independently of one another. Must be above zero.
	CallsPerMinute float64

	// Generator makes the calls; the sender has it for itself. Only its seed,
	// token, rates and ids matter: the sender says when calls are.
	Generator *Generator

	// Compress makes the life of a call shorter: 60 sends an hour of events in a
	// minute. 1, the default, is real time, and so is anything less. Above 1, no pause between two
	// events of a call is longer than 30 seconds: what an agent does days later
	// comes soon. Retries are in real time.
	Compress float64

	// Calls stops the sender after so many calls; 0 means never.
	// The second end of a two-ended call may come on top.
	Calls int

	// Begun is told of each call before its first request is due; nil: nobody is.
	Begun func(Call)

	Client     *http.Client          // default: a client of its own
	Logger     *slog.Logger          // default: none
	Registerer prometheus.Registerer // default: none
}

// Stats counts what a Sender did.
type Stats struct {
	Calls    int64 // calls begun; both ends of a two-ended one count
	Bodies   int64 // requests that were due, retries not counted
	Accepted int64 // answered with 2xx
	Retried  int64 // tries that failed and were, or are to be, repeated
	GivenUp  int64 // not accepted after 50 tries or 12 hours
}

// Sender posts generated calls to a webhook endpoint as Aircall does: many calls
// at once, each request with five seconds to be answered, any answer but 2xx
// tried again after a growing pause, up to 50 times within 12 hours. A request
// that is tried again does not hold up the call's others.
//
// Times: the sender places each call's life so that its last request is
// sent at the second that its body tells (a delayed one: at its delayed time). With
// Compress 1 all are. With compression the life had to begin earlier than it
// is sent: within a call all times are consistent, at their true distances, and
// none is in the future; what happened days after a call makes its beginning days old.
//
// What was not accepted when the sender stops is lost, as calls are
// whose end is not yet due: to a receiver these never end.
type Sender struct {
	o       SenderOptions
	metrics *senderMetrics
	failing atomic.Bool // whether the last try failed; for the log

	calls, bodies, accepted, retried, givenUp atomic.Int64
}

// NewSender returns a sender that does nothing before Run.
func NewSender(o SenderOptions) *Sender {
	if o.Client == nil {
		o.Client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Sender{o: o, metrics: newSenderMetrics(o.Registerer)}
}

// Sent returns the counts so far. It may be called at any time.
func (s *Sender) Sent() Stats {
	return Stats{
		Calls:    s.calls.Load(),
		Bodies:   s.bodies.Load(),
		Accepted: s.accepted.Load(),
		Retried:  s.retried.Load(),
		GivenUp:  s.givenUp.Load(),
	}
}

// Run sends until ctx ends, or until the number of calls wanted is sent and
// every request of theirs accepted or given up. Both are its proper end: it then
// returns nil. An error means settings that cannot work. Run may be called once.
func (s *Sender) Run(ctx context.Context) error {
	if s.o.CallsPerMinute <= 0 {
		return fmt.Errorf("calls per minute must be above 0, not %v", s.o.CallsPerMinute)
	}
	if s.o.Generator == nil {
		return errors.New("a generator is missing")
	}
	if _, err := http.NewRequest(http.MethodPost, s.o.URL, nil); err != nil {
		return fmt.Errorf("reading the webhook URL: %w", err)
	}
	var inFlight sync.WaitGroup
	defer inFlight.Wait()

	mean := time.Duration(float64(time.Minute) / s.o.CallsPerMinute)
	due := time.Now()
	for sleepUntil(ctx, due) {
		life := s.next(due)
		inFlight.Go(func() { s.play(ctx, life) })
		if s.o.Calls > 0 && s.calls.Load() >= int64(s.o.Calls) {
			break
		}
		due = due.Add(s.o.Generator.gap(mean))
	}
	return nil
}

// next makes the next life cycle, its first request due at the time given.
func (s *Sender) next(due time.Time) []scheduled {
	g := s.o.Generator
	life, ends := place(g, g.kind(), due, s.o.Compress)
	g.advance(ends)
	s.calls.Add(int64(len(ends)))
	s.metrics.calls.Add(float64(len(ends)))
	if s.o.Begun != nil {
		for _, c := range ends {
			s.o.Begun(c)
		}
	}
	return life
}

// play sends the requests of a life cycle, each when it is due.
func (s *Sender) play(ctx context.Context, life []scheduled) {
	var tries sync.WaitGroup
	defer tries.Wait()
	for _, r := range life {
		if !sleepUntil(ctx, r.due) {
			return
		}
		s.bodies.Add(1)
		tries.Go(func() { s.deliver(ctx, r.Delivery) })
	}
}

// deliver posts one body until it is accepted, given up, or ctx ends.
func (s *Sender) deliver(ctx context.Context, d Delivery) {
	// Without jitter, so that a run can be repeated.
	pauses := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(time.Second),
		backoff.WithRandomizationFactor(0),
		backoff.WithMaxInterval(15*time.Minute),
		backoff.WithMaxElapsedTime(maxRetryTime),
	)
	try := func() error { return s.post(ctx, d) }
	failed := func(err error, pause time.Duration) {
		s.retried.Add(1)
		if s.failing.CompareAndSwap(false, true) {
			s.o.Logger.Warn("webhook endpoint does not accept events; each is tried again", "event", d.Event, "call_id", d.CallID, "error", err)
		} else {
			s.o.Logger.Debug("trying an event again", "event", d.Event, "call_id", d.CallID, "pause", pause, "error", err)
		}
	}
	err := backoff.RetryNotify(try, backoff.WithContext(backoff.WithMaxRetries(pauses, maxTries-1), ctx), failed)
	switch {
	case err == nil:
		s.accepted.Add(1)
		if s.failing.CompareAndSwap(true, false) {
			s.o.Logger.Info("webhook endpoint accepts events again")
		}
	case ctx.Err() == nil:
		s.givenUp.Add(1)
		s.o.Logger.Error("gave up an event; Aircall would now disable the webhook", "event", d.Event, "call_id", d.CallID, "error", err)
	}
}

// post is one try.
func (s *Sender) post(ctx context.Context, d Delivery) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.o.URL, bytes.NewReader(d.Body))
	if err != nil {
		return backoff.Permanent(fmt.Errorf("making the request: %w", err))
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.o.Client.Do(req)
	if err != nil {
		s.metrics.requests.WithLabelValues(resultFailed).Inc()
		return fmt.Errorf("posting an event: %w", withoutURL(err))
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16)); err != nil {
		s.metrics.requests.WithLabelValues(resultFailed).Inc()
		return fmt.Errorf("reading the answer: %w", err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		s.metrics.requests.WithLabelValues(resultRefused).Inc()
		return fmt.Errorf("the endpoint answered %s", resp.Status)
	}
	s.metrics.requests.WithLabelValues(resultAccepted).Inc()
	return nil
}

// withoutURL takes the URL out of a client's error: some people keep a secret in it.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// sleepUntil waits for a time; false means that ctx ended first.
func sleepUntil(ctx context.Context, at time.Time) bool {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
