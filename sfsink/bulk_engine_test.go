//go:build synctests

// Run with -tags synctests, see engine_test.go.

package sfsink

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callfold/callfold/internal/kafka/bubble"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/tidwall/gjson"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/callfold/callfold/projector"
)

// watchedOrg is the simulator without a network, which notes when collections with
// rows of certain calls were answered.
type watchedOrg struct {
	orgInProcess
	mu   sync.Mutex
	seen map[string]time.Time // by external id
}

func (o *watchedOrg) RoundTrip(r *http.Request) (*http.Response, error) {
	var keys []string
	if strings.Contains(r.URL.Path, "/composite") && r.Method != http.MethodGet {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		for _, path := range []string{"records.#.Aircall_Call_Id__c", "compositeRequest.#.body.records.#.Aircall_Call_Id__c|@flatten"} {
			for _, key := range gjson.GetBytes(body, path).Array() {
				keys = append(keys, key.String())
			}
		}
	}
	answer, err := o.orgInProcess.RoundTrip(r)
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, key := range keys {
		if _, ok := o.seen[key]; !ok {
			o.seen[key] = time.Now()
		}
	}
	return answer, err
}

// TestRebuildBesideLiveCalls: 6,000 calls are rewritten by bulk jobs while 50 calls a
// second come in, and the process is replaced in the midst of it. All calls are
// written, and live ones soon.
func TestRebuildBesideLiveCalls(t *testing.T) {
	const (
		rewrites = 6000
		live     = 1500
		firstID  = 9_000_000_000 // of live calls
	)
	synctest.Test(t, func(t *testing.T) {
		sim := busyOrg(t)
		org := &watchedOrg{orgInProcess: orgInProcess{sim: sim}, seen: map[string]time.Time{}}
		broker := bubble.Start(t, kfake.SeedTopics(4, "calls", "tasks", "rejected"))
		producer := broker.Client()
		defer producer.Close()
		hungup := func(id int64, at time.Time) []byte {
			return fmt.Appendf(nil, `{"resource":"call","event":"call.hungup","timestamp":%d,"data":{"id":%d,"direction":"inbound","status":"done","started_at":%d,"ended_at":%d,"raw_digits":"+336%08d","number":{"id":7,"name":"Paris","digits":"+33176360011","country":"FR","time_zone":"Europe/Paris"}}}`,
				at.Unix(), id, at.Unix()-20, at.Unix(), 10_000_000+id%1000)
		}
		for id := int64(1); id <= rewrites; id++ {
			put(t, producer, folded(t, hungup(id, time.Now()), fmt.Appendf(nil, `{"resource":"callfold","event":"callfold.rewrite","timestamp":%d,"data":{"id":%d,"who":"ops","why":"rebuild"}}`, time.Now().Unix()+1, id)))
		}
		if err := producer.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}

		registry := prometheus.NewRegistry()
		run := func(instance string) (stop func()) {
			sink, err := New(Options{Client: clientOf(t, org), Settings: projector.DefaultSettings(), APIReserve: 0.2, BulkAbove: 500, Registerer: registry})
			if err != nil {
				t.Fatal(err)
			}
			// Two lanes that load the org at once would wait for a mutex, which stops time.
			if err := sink.Prepare(t.Context()); err != nil {
				t.Fatal(err)
			}
			return startSink(t, broker, sink, instance, 2, 2000)
		}
		stop := run("i")
		sent := map[string]time.Time{}
		for n := range int64(live) {
			id := firstID + n
			sent[strconv.FormatInt(id, 10)] = time.Now()
			put(t, producer, folded(t, hungup(id, time.Now())))
			time.Sleep(20 * time.Millisecond) // virtual
			if n == 200 {                     // jobs are under way
				stop()
				registry = prometheus.NewRegistry()
				stop = run("i")
			}
		}
		for range 600 {
			if len(sim.Records("Task")) == rewrites+live {
				break
			}
			time.Sleep(time.Second) // virtual
		}
		time.Sleep(confirmAfter) // virtual
		stop()

		found := map[any]int{}
		for _, r := range sim.Records("Task") {
			found[r["Aircall_Call_Id__c"]]++
		}
		if len(found) != rewrites+live || len(sim.Records("Task")) != len(found) {
			t.Errorf("%d calls have %d Tasks, of %d", len(found), len(sim.Records("Task")), rewrites+live)
		}
		var ages []time.Duration
		for key, at := range sent {
			if org.seen[key].IsZero() {
				t.Fatalf("live call %s is in no collection", key)
			}
			ages = append(ages, org.seen[key].Sub(at))
		}
		slices.Sort(ages)
		p99 := ages[len(ages)*99/100]
		byBulk := gauge(t, registry, "callfold_sink_bulk_rows_total")
		t.Logf("live calls: median %s, 99 %% %s, all %s; %v rows by bulk jobs since the process was replaced", ages[len(ages)/2], p99, ages[len(ages)-1], byBulk)
		if byBulk < rewrites/4 {
			t.Errorf("%v rows went by bulk jobs", byBulk)
		}
	})
}
