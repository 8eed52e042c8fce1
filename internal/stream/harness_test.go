//go:build synctests

// Run with -tags synctests: franz-go then uses locks that a bubble of virtual time
// understands; with its usual ones time may stand still for ever.

package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/schemas"
)

// The stage under test counts the records of each key and adds up their values.
// Losing or doubling a single record shows in the sum.

type tally struct {
	Count int   `json:"count"`
	Sum   int64 `json:"sum"`
	Due   int64 `json:"due,omitempty"` // UNIX milliseconds
	Rung  int   `json:"rung,omitempty"`
}

type tallyCodec struct{}

func (tallyCodec) Schema() string                 { return "tally/1" }
func (tallyCodec) Encode(v tally) ([]byte, error) { return json.Marshal(v) }
func (tallyCodec) Decode(schema string, b []byte) (v tally, err error) {
	if schema != "tally/1" {
		return v, fmt.Errorf("schema %q", schema)
	}
	return v, json.Unmarshal(b, &v)
}

// addUp is the plain handler; tests wrap it.
func addUp(_ context.Context, b *Batch[tally]) error {
	for _, p := range b.Partitions {
		for _, r := range p.Records {
			n, err := strconv.ParseInt(string(r.Value), 10, 64)
			if err != nil {
				if err := p.Reject(r, schemas.NotJSON, "no number"); err != nil {
					return err
				}
				continue
			}
			v, _, err := p.Get(string(r.Key))
			if err != nil {
				return err
			}
			v.Count++
			v.Sum += n
			p.Put(string(r.Key), v)
		}
	}
	return nil
}

type handlerFunc func(context.Context, *Batch[tally]) error

func (f handlerFunc) Handle(ctx context.Context, b *Batch[tally]) error { return f(ctx, b) }

// failing has the plain handler fail while that is true.
func failing(now *atomic.Bool) func(*Options[tally]) {
	return func(o *Options[tally]) {
		o.Handler = handlerFunc(func(ctx context.Context, b *Batch[tally]) error {
			if now.Load() {
				return errors.New("no")
			}
			return addUp(ctx, b)
		})
	}
}

// world is a broker in a bubble of virtual time, and the stages that run on it.
type world struct {
	t       testing.TB
	net     *kfake.VirtualNetwork
	cluster *kfake.Cluster
	client  *kgo.Client // of the test itself
	sent    map[string]tally
	logger  *slog.Logger
	stages  []*stage
}

const partitions = 3

// inWorld runs a test in a bubble, so that timeouts take no time.
func inWorld(t *testing.T, test func(w *world), broker ...kfake.Opt) {
	synctest.Test(t, func(t *testing.T) { withWorld(t, test, broker...) })
}

// withWorld is called inside a bubble.
func withWorld(t testing.TB, test func(w *world), broker ...kfake.Opt) {
	w := &world{t: t, net: &kfake.VirtualNetwork{}, sent: map[string]tally{}, logger: slog.New(slog.DiscardHandler)}
	if os.Getenv("STREAM_TEST_LOG") != "" {
		w.logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	var err error
	w.cluster, err = kfake.NewCluster(append([]kfake.Opt{
		kfake.NumBrokers(1), kfake.Ports(9093), kfake.SleepOutOfOrder(),
		kfake.SeedTopics(partitions, "in", "state", "rejected"), kfake.ListenFn(w.net.Listen),
	}, broker...)...)
	w.check(err)
	defer w.cluster.Close()
	w.client, err = kgo.NewClient(w.options(w.net.DialContext)...)
	w.check(err)
	defer w.client.Close()
	defer func() {
		for _, s := range w.stages {
			s.cancel()
			<-s.ended
		}
	}()
	test(w)
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) options(dial func(context.Context, string, string) (net.Conn, error)) []kgo.Opt {
	return []kgo.Opt{kgo.SeedBrokers(w.cluster.ListenAddrs()...), kgo.Dialer(dial), kgo.DisableClientMetrics()}
}

// send puts n records with random-looking keys and values into the input.
func (w *world) send(n int) {
	w.t.Helper()
	for i := range n {
		key := strconv.Itoa((len(w.sent)*31 + i*7) % 50)
		w.sendOne(key, int64(i+1))
	}
	w.check(w.client.Flush(context.Background()))
}

func (w *world) sendOne(key string, value int64) {
	v := w.sent[key]
	v.Count++
	v.Sum += value
	w.sent[key] = v
	w.client.Produce(context.Background(), &kgo.Record{Topic: "in", Key: []byte(key), Value: strconv.AppendInt(nil, value, 10)}, func(_ *kgo.Record, err error) {
		if err != nil {
			w.t.Error(err)
		}
	})
}

// stage is a running engine whose network can be pulled out, which is what a
// kill -9 looks like from outside.
type stage struct {
	w      *world
	plug   *plug
	engine *Engine[tally]
	reg    *prometheus.Registry
	ctx    context.Context // done when it was told to end
	cancel context.CancelFunc
	ended  chan struct{} // closed when the engine has ended
	err    error         // how; read after ended

	mu     sync.Mutex
	health map[string]error
}

func (w *world) start(instance string, change ...func(*Options[tally])) *stage {
	w.t.Helper()
	s := &stage{w: w, plug: &plug{dial: w.net.DialContext}, reg: prometheus.NewRegistry(), ended: make(chan struct{}), health: map[string]error{}}
	o := Options[tally]{
		Name: "tally", Client: func() []kgo.Opt { return w.options(s.plug.Dial) }, Group: "g", Instance: instance,
		Input: "in", Changelog: "state", Rejected: "rejected", Codec: tallyCodec{},
		Handler: handlerFunc(addUp), Lanes: 1, BatchRecords: 20, Timeouts: QuickTimeouts, Grace: time.Second,
		Now: time.Now, Logger: w.logger.With("instance", instance), Registerer: s.reg,
		Health: func(c string, err error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.health[c] = err
		},
	}
	for _, c := range change {
		c(&o)
	}
	e, err := New(o)
	w.check(err)
	s.engine = e
	s.ctx, s.cancel = context.WithCancel(context.Background())
	go func() {
		defer close(s.ended)
		s.err = e.Run(s.ctx)
	}()
	w.stages = append(w.stages, s)
	return s
}

// stop ends the stage in good order.
func (s *stage) stop() {
	s.w.t.Helper()
	s.cancel()
	<-s.ended
	s.w.check(s.err)
}

// kill cuts the stage off, once and for all. What is left of it ends by itself.
func (s *stage) kill() {
	s.plug.Pull()
	s.cancel()
}

// ready reports whether every component of the stage is.
func (s *stage) ready() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, problem := range s.health {
		if problem != nil {
			return false
		}
	}
	return len(s.health) > 1
}

// problem is what the stage says of a component.
func (s *stage) problem(component string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.health[component]
}

// gauge sums up a gauge, as counter does.
func (s *stage) gauge(name string, labels ...string) float64 {
	s.w.t.Helper()
	return s.counter(name, labels...)
}

// counter sums up a metric, or one whose first label has the given value.
func (s *stage) counter(name string, labels ...string) float64 {
	s.w.t.Helper()
	families, err := s.reg.Gather()
	s.w.check(err)
	total := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if len(labels) == 0 || m.GetLabel()[0].GetValue() == labels[0] {
				total += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return total
}

// plug is a dialer that can be pulled out, and put back.
type plug struct {
	dial     func(context.Context, string, string) (net.Conn, error)
	mu       sync.Mutex
	conns    []net.Conn
	pulled   bool
	silenced bool
}

func (p *plug) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if p.silent() {
		pause(ctx, 10*time.Second) // as the client's own dialer
		return nil, errors.New("no connection in time")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pulled {
		return nil, fmt.Errorf("unplugged")
	}
	c, err := p.dial(ctx, network, addr)
	if err == nil {
		p.conns = append(p.conns, c)
	}
	return plugged{c, p}, err
}

// plugged is a connection through a plug.
type plugged struct {
	net.Conn
	plug *plug
}

// Write loses what is written to a broker that has fallen silent.
func (c plugged) Write(b []byte) (int, error) {
	if c.plug.silent() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

// Silence has the brokers fall silent: connections stay, nothing is answered, and new
// ones do not come about, as where packets are dropped.
func (p *plug) Silence(silenced bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silenced = silenced
}

func (p *plug) silent() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.silenced
}

func (p *plug) Pull() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pulled = true
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

func (p *plug) PutBack() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pulled = false
}

// states reads the changelog as a consumer would: the newest value of each key.
func (w *world) states() map[string]tally {
	w.t.Helper()
	states := map[string]tally{}
	w.read("state", func(r *kgo.Record) {
		if IsMarker(r) {
			return
		}
		var v tally
		w.check(json.Unmarshal(r.Value, &v))
		states[string(r.Key)] = v
	})
	return states
}

// read calls f for all committed records of a topic.
func (w *world) read(topic string, f func(*kgo.Record)) {
	w.t.Helper()
	cl, err := kgo.NewClient(append(w.options(w.net.DialContext),
		kgo.ConsumeTopics(topic), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.DisableFetchSessions())...) // see readChangelog
	w.check(err)
	defer cl.Close()
	for {
		// Longer than a client takes to notice that a topic was made again.
		ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
		fetches := cl.PollFetches(ctx)
		cancel()
		if fetches.NumRecords() == 0 {
			return
		}
		fetches.EachRecord(f)
	}
}

// wait lets virtual time pass until the condition holds.
func (w *world) wait(what string, condition func() bool) {
	w.t.Helper()
	for range 3000 {
		if condition() {
			return
		}
		time.Sleep(100 * time.Millisecond) // virtual
	}
	w.t.Fatalf("five minutes of virtual time passed without: %s", what)
}

// drained reports whether the group has committed the whole input.
func (w *world) drained() bool {
	w.t.Helper()
	adm := kadm.NewClient(w.client)
	ends, err := adm.ListEndOffsets(context.Background(), "in")
	w.check(err)
	offsets, err := adm.FetchOffsets(context.Background(), "g")
	if errors.Is(err, kerr.GroupIDNotFound) {
		return false
	}
	w.check(err)
	for p := range int32(partitions) {
		end, _ := ends.Lookup("in", p)
		at, ok := offsets.Lookup("in", p)
		if end.Offset > 0 && (!ok || at.At < end.Offset) {
			return false
		}
	}
	return true
}

// expect waits until everything sent is handled, and compares.
func (w *world) expect() {
	w.t.Helper()
	w.wait("the whole input is committed", w.drained)
	if got := w.states(); !maps.Equal(got, w.sent) {
		for k, want := range w.sent {
			if got[k] != want {
				w.t.Errorf("key %s: %+v, want %+v", k, got[k], want)
			}
		}
		w.t.Fatalf("%d keys, want %d", len(got), len(w.sent))
	}
}

// sendPoison sends a record that the stage cannot use.
func (w *world) sendPoison(key string) {
	w.t.Helper()
	w.check(w.client.ProduceSync(context.Background(), &kgo.Record{Topic: "in", Key: []byte(key), Value: []byte("poison")}).FirstErr())
}

// count counts the committed records of a topic.
func (w *world) count(topic string) int {
	w.t.Helper()
	n := 0
	w.read(topic, func(*kgo.Record) { n++ })
	return n
}

// committed adds up how far the group has committed the input.
func (w *world) committed() int64 {
	w.t.Helper()
	offsets, err := kadm.NewClient(w.client).FetchOffsets(context.Background(), "g")
	if errors.Is(err, kerr.GroupIDNotFound) {
		return 0
	}
	w.check(err)
	total := int64(0)
	offsets.Each(func(o kadm.OffsetResponse) {
		if o.Topic == "in" {
			total += max(0, o.At)
		}
	})
	return total
}

// noMismatch fails when the guard of any stage found states and group offsets that
// were not committed together.
func (w *world) noMismatch() {
	w.t.Helper()
	for _, s := range w.stages {
		if n := s.counter("callfold_input_mismatch_total"); n != 0 {
			w.t.Errorf("the guard found %v mismatches", n)
		}
	}
}
