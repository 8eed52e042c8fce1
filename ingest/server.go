package ingest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callfold/callfold/ingest/journal"
	"github.com/callfold/callfold/internal/observe"
)

// Path is where Aircall's webhooks are posted to.
const Path = "/webhooks/aircall"

// defaultAckTimeout leaves a second of the five that Aircall waits.
const defaultAckTimeout = 4 * time.Second

// Options are what a Server is made of. Producer, both topics, Tokens and Probe
// are required.
type Options struct {
	// Producer should be made with [ProducerOptions].
	Producer Producer
	// EventsTopic and RejectedTopic are full names.
	EventsTopic, RejectedTopic string
	// Tokens are the webhook tokens that are accepted.
	Tokens []string
	// Probe asks the broker whether it is there and knows the topics, see
	// [ProbeTopics]. Only Run calls it.
	Probe func(context.Context) error
	// Journal takes the records that the broker does not; nil means none. Who
	// opened it closes it, after Run has returned and the last request has ended.
	Journal *journal.Journal
	// Health is told whether webhooks can be stored: nil when the broker answered
	// the last probe, and no record failed within the last ten seconds without
	// another one being taken since; a *Degraded when they can be, but somebody
	// should look after it. Nil means that nobody wants to know.
	Health func(component string, problem error)
	// AckTimeout bounds a request from its first byte to its answer; 0 means
	// 4 s. Aircall takes a webhook for failed after 5 s.
	AckTimeout time.Duration
	// Now is the wall clock that stamps received-at and tells which events
	// come from the future; nil means time.Now. Deadlines do not follow it.
	Now func() time.Time
	// Logger is where it logs to; nil means nowhere.
	Logger *slog.Logger
	// Registerer takes the metrics; nil means none.
	Registerer prometheus.Registerer
}

// Server is the webhook endpoint. It serves every path it is asked for; mount
// it at Path.
type Server struct {
	o       Options
	tokens  tokens
	metrics *metrics
	bodies  *bodyReader
	broker  *brokerState
	replay  *replay // nil without a journal
	// pulse is that of Run.
	pulse observe.Pulse
	// refusals limits the log of what anybody on the internet can provoke.
	refusals observe.Seldom
}

// New makes a Server. It does not ask the broker for anything. Its errors name
// the setting that is missing.
func New(o Options) (*Server, error) {
	if o.Producer == nil || o.Probe == nil {
		return nil, errors.New("ingest needs a producer and a probe")
	}
	if o.EventsTopic == "" || o.RejectedTopic == "" {
		return nil, errors.New("ingest needs the names of the topics events and rejected")
	}
	accepted, err := newTokens(o.Tokens)
	if err != nil {
		return nil, err
	}
	if o.AckTimeout == 0 {
		o.AckTimeout = defaultAckTimeout
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Health == nil {
		o.Health = func(string, error) {}
	}
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	s := &Server{
		o:      o,
		tokens: accepted,
		bodies: newBodyReader(),
		broker: &brokerState{log: o.Logger, health: o.Health, journal: o.Journal, ask: make(chan struct{}, 1), probed: errNotAsked},
	}
	if o.Journal != nil {
		s.replay = newReplay(s)
	}
	if s.metrics, err = newMetrics(o.Registerer); err != nil {
		return nil, err
	}
	if err := s.registerJournal(); err != nil {
		return nil, err
	}
	return s, nil
}

// ServeHTTP answers one webhook. The checks come in this order: method, body,
// JSON, token; and once the token is accepted there is no answer but 200 and 503.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.metrics.inFlight.Inc()
	defer s.metrics.inFlight.Dec()
	a := s.handle(w, r)
	s.metrics.requests.WithLabelValues(string(a.result)).Inc()
	a.write(w)
}

func (s *Server) handle(w http.ResponseWriter, r *http.Request) answer {
	started := time.Now()
	deadline := started.Add(s.o.AckTimeout)
	// A slow client may not hold the goroutine, neither while we read nor
	// afterwards, when net/http reads what we left of the body. A writer that
	// knows no deadlines, as in tests, needs none.
	_ = http.NewResponseController(w).SetReadDeadline(deadline)
	if r.Method != http.MethodPost {
		return answerMethod
	}
	// Aircall hanging up must not cancel what is on its way to the broker.
	ctx, cancel := context.WithDeadline(context.WithoutCancel(r.Context()), deadline)
	defer cancel()

	v, err := s.receive(w, r)
	if err != nil {
		s.o.Logger.Error("a webhook could not be taken", "err", err)
		return answerUnavailable
	}
	if v.record == nil {
		return v.answer
	}
	if err := s.store(ctx, v.record); err != nil {
		return unavailableFor(err) // logged by brokerState and the journal, not for every request
	}
	s.metrics.durable.Observe(time.Since(started).Seconds())
	if v.rejection != nil {
		s.metrics.rejected.WithLabelValues(string(v.rejection.Reason)).Inc()
		s.o.Logger.Warn("webhook rejected", "reason", v.rejection.Reason, "detail", v.rejection.Detail)
	}
	return v.answer
}

// receive reads a body and decides what becomes of it. Nothing of the buffer
// that it was read into is left in the verdict.
func (s *Server) receive(w http.ResponseWriter, r *http.Request) (verdict, error) {
	body, release, err := s.bodies.read(r.Body)
	defer release()
	envelope := scanEnvelope(body)
	authorized := s.tokens.authorize(envelope, body)
	size := int64(len(body))
	switch {
	case errors.Is(err, errBusy):
		return verdict{answer: answerBusy}, nil
	case err != nil && authorized:
		return verdict{answer: answerInterrupted}, nil
	case err != nil:
		return verdict{answer: answerIncomplete}, nil
	case size > maxBody && !authorized:
		return verdict{answer: answerTooLarge}, nil
	case size > maxBody:
		// Read to the end, so that the client gets to see its answer.
		rest, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			return verdict{answer: answerInterrupted}, nil
		}
		size += rest
	case !authorized && !isJSON(body):
		return verdict{answer: notJSON(body, r.Header.Get("Content-Encoding"))}, nil
	case !authorized:
		if s.refusals.Now() {
			s.o.Logger.Warn("a webhook without an accepted token was refused; if it is yours, compare its token in Aircall with ingest.tokens", "remote", r.RemoteAddr)
		}
		return verdict{answer: answerUnauthorized}, nil
	}
	// The body is read to its end. From now on net/http listens on the
	// connection for the client going away, which must not end in a timeout.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	return s.judge(body, envelope, size)
}

// notJSON says what is wrong with a body that is not JSON.
func notJSON(body []byte, encoding string) answer {
	switch {
	case len(body) == 0:
		return answerEmpty
	case tooDeep(body):
		return answerDeep
	case encoding != "" && encoding != "identity":
		return answerCompressed
	}
	return answerNotJSON
}
