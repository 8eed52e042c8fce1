//go:build chart

package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/traffic"
)

// service leads webhooks to the Pods of ingest that are ready, in turn, as the
// chart's Service does with what is before it.
type service struct {
	mu   sync.Mutex
	pods []*pod
	turn int
}

func (s *service) add(p *pod) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pods = append(s.pods, p)
}

func (s *service) remove(p *pod) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pods = slices.DeleteFunc(s.pods, func(other *pod) bool { return other == p })
}

var errNoPod = errors.New("no Pod of ingest is ready")

// next is the address of the Pod whose turn it is.
func (s *service) next() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pods) == 0 {
		return "", errNoPod
	}
	s.turn++
	return s.pods[s.turn%len(s.pods)].webhook, nil
}

// callers posts the webhooks of whole calls, one call after the other for each
// of its workers. What is not answered with 200 it posts again, as Aircall does.
type callers struct {
	w       *world
	service *service
	client  http.Client
	end     chan struct{} // closed when no more calls are to begin
	workers sync.WaitGroup

	mu        sync.Mutex
	generator *traffic.Generator
	ids       map[string]bool // of all calls
	accepted  int             // events
	bodies    map[string]bool // of them, as they are stored: without the token
	refused   []error         // posts that were not answered with 200
	doubtful  int             // of them, those after which the event may be in the log all the same
}

func (w *world) startCallers(s *service, workers int) *callers {
	c := &callers{
		w: w, service: s, end: make(chan struct{}), ids: map[string]bool{}, bodies: map[string]bool{}, client: http.Client{Timeout: 5 * time.Second},
		generator: traffic.New(traffic.Options{Seed: seed, Token: token}),
	}
	for range workers {
		c.workers.Go(c.work)
	}
	return c
}

// stop returns when the calls that have begun are over. How many events the log must have
// is known where no post was doubtful: after one its event may be there twice.
func (c *callers) stop() {
	c.w.Helper()
	close(c.end)
	c.workers.Wait()
	if c.doubtful == 0 {
		c.w.events += c.accepted
		return
	}
	c.w.Logf("%d posts may have been stored without being accepted: events are not counted", c.doubtful)
}

func (c *callers) work() {
	for {
		select {
		case <-c.end:
			return
		case <-c.w.Context().Done():
			return
		default:
		}
		c.mu.Lock()
		life := c.generator.Deliver(c.generator.Call())
		c.mu.Unlock()
		for _, delivery := range life {
			if !c.deliver(delivery) {
				return
			}
		}
	}
}

// deliver posts until the event is accepted, or the test ends.
func (c *callers) deliver(d traffic.Delivery) bool {
	for c.w.Context().Err() == nil {
		err := c.post(c.w.Context(), d.Body)
		c.mu.Lock()
		if err == nil {
			c.ids[fmt.Sprint(d.CallID)] = true
			c.accepted++
			c.bodies[strings.Replace(string(d.Body), `"token":"`+token+`",`, "", 1)] = true
		} else {
			c.refused = append(c.refused, err)
			if dial := (*net.OpError)(nil); !errors.Is(err, errNoPod) && (!errors.As(err, &dial) || dial.Op != "dial") {
				c.doubtful++
			}
		}
		c.mu.Unlock()
		time.Sleep(100 * time.Millisecond) // polling: the rate of the traffic
		if err == nil {
			return true
		}
	}
	return false
}

// allThere looks whether the log has every event that was accepted.
func (c *callers) allThere() {
	c.w.Helper()
	stored := map[string]bool{}
	for _, r := range c.w.readAll(kafka.Events) {
		stored[string(r.Value)] = true
	}
	lost := 0
	for body := range c.bodies {
		if !stored[body] {
			lost++
		}
	}
	if lost > 0 || len(c.bodies) == 0 {
		c.w.Errorf("%d of %d events that were accepted are not in the log", lost, len(c.bodies))
	}
}

func (c *callers) post(ctx context.Context, body []byte) error {
	address, err := c.service.next()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/webhooks/aircall", bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, answer)
	}
	return err
}
