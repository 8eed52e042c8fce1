//go:build chart

package kafka

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/callfold/callfold/internal/sfsim"
)

// chartValues are what an operator must say, and the test's topics.
const chartValues = `
settings:
  kafka: {brokers: [%q], topic_prefix: %q, group_prefix: %q}
  salesforce: {login_url: %q, auth: {flow: client_credentials, client_id: dev}}
secrets:
  webhookTokens: {existingSecret: aircall}
  salesforce: {existingSecret: salesforce}
`

// TestTermination: during load every Pod of the chart is ended as kubelet ends
// it, and comes back on its volume, one after the other as in a rolling update
// and then all at once. Each ends by itself within its grace period. No webhook
// meets a closed door while a Pod is replaced, nothing is lost, and nothing is
// there twice.
func TestTermination(t *testing.T) {
	t.Parallel()
	org := newMuteOrg(t)
	w := emptyWorld(t, shared)
	w.createTopics()
	pods, front := w.install(org.url, 2)
	ingest := pods[:2]
	load := w.startCallers(front, 8)
	w.waitHandled(100)

	for _, p := range pods {
		if p != ingest[0] && p != ingest[1] {
			p.terminate(nil)
			p.begin()
			p.ready()
			continue
		}
		p.terminate(func() { front.remove(p) })
		p.begin()
		p.ready()
		front.add(p)
	}
	load.mu.Lock()
	for _, err := range load.refused {
		t.Errorf("while Pods were replaced one after the other a webhook was not accepted: %v", err)
	}
	load.mu.Unlock()

	var all sync.WaitGroup
	for _, p := range pods {
		all.Go(func() { p.terminate(nil) }) // nobody is told
	}
	all.Wait()
	for _, p := range pods {
		p.begin()
	}
	load.stop()
	load.allThere()
	w.drained()
	w.verify()
	w.everyCallHasItsTask(org, load.ids)
}

// TestTerminationInTrouble ends Pods while what they wait for is away: the sink
// while Salesforce does not answer, the others while there is no broker. They
// still end by themselves, and nothing is lost, journal included.
func TestTerminationInTrouble(t *testing.T) {
	t.Parallel()
	own, err := startFleet(t.Context(), t.TempDir())
	check(t, err)
	defer own.close()
	org := newMuteOrg(t)
	w := emptyWorld(t, own)
	w.createTopics()
	pods, front := w.install(org.url, 1)
	ingest, processor, sink := pods[0], pods[1], pods[2]
	load := w.startCallers(front, 8)
	w.waitHandled(50)

	org.hang(true)
	w.eventually("a request waits for Salesforce", func(context.Context) error {
		if org.waiting.Load() == 0 {
			return errors.New("none does")
		}
		return nil
	})
	sink.terminate(nil)
	org.hang(false)
	sink.begin()
	sink.ready()

	own.stop(t, 1, false)
	// Webhooks are taken all the same: they wait on the volume.
	w.eventually("events wait in the journal", func(context.Context) error {
		if n := ingest.metric("callfold_ingest_journal_events"); n < 20 {
			return fmt.Errorf("%v do", n)
		}
		return nil
	})
	var both sync.WaitGroup
	both.Go(func() { processor.terminate(nil) })
	both.Go(func() { ingest.terminate(func() { front.remove(ingest) }) })
	both.Wait()
	own.start(t, 1)
	for _, p := range []*pod{ingest, processor} {
		p.begin()
		p.ready()
	}
	front.add(ingest)

	load.stop()
	w.eventually("the journal is empty", func(context.Context) error {
		if n := ingest.metric("callfold_ingest_journal_events"); n > 0 {
			return fmt.Errorf("%v events wait in it", n)
		}
		return nil
	})
	load.allThere()
	w.events = 0 // of the journal some may be in the log twice, which is not counted as wrong
	w.drained()
	w.verify()
	w.everyCallHasItsTask(org, load.ids)
}

// install runs the Pods of the chart, so many of each stage, and waits until
// they are ready.
func (w *world) install(salesforce string, each int) (pods []*pod, front *service) {
	w.Helper()
	objects := w.render(fmt.Sprintf(chartValues, w.kafka.Brokers[0], w.kafka.TopicPrefix, w.kafka.GroupPrefix, salesforce))
	front = &service{}
	for _, stage := range []string{"ingest", "processor", "sink"} {
		for ordinal := range each {
			p := w.newPod(objects, "callfold-"+stage, ordinal, map[string]string{"webhook-tokens": token + "\n", "salesforce": "dev"})
			p.begin()
			pods = append(pods, p)
		}
	}
	for i, p := range pods {
		p.ready()
		if i < each {
			front.add(p)
		}
	}
	return pods, front
}

// muteOrg is a simulated org that can be told not to answer.
type muteOrg struct {
	*sfsim.Server
	url     string
	waiting atomic.Int64 // requests that are not answered

	mu      sync.Mutex
	answers chan struct{} // closed while it answers
}

func newMuteOrg(t *testing.T) *muteOrg {
	t.Helper()
	simulator, _ := newOrg(t)
	o := &muteOrg{Server: simulator, answers: make(chan struct{})}
	close(o.answers)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		answers := o.answers
		o.mu.Unlock()
		o.waiting.Add(1)
		defer o.waiting.Add(-1)
		select {
		case <-answers:
			simulator.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(server.Close)
	o.url = server.URL
	return o
}

// hang has requests wait from now on, or those that wait answered.
func (o *muteOrg) hang(yes bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if yes {
		o.answers = make(chan struct{})
	} else {
		close(o.answers)
	}
}

// everyCallHasItsTask waits until a rebuild of Salesforce would change nothing,
// and every call has one Task.
func (w *world) everyCallHasItsTask(o *muteOrg, ids map[string]bool) {
	w.Helper()
	env := []string{"CALLFOLD_SALESFORCE_LOGIN_URL=" + o.url, "CALLFOLD_SALESFORCE_AUTH_FLOW=client_credentials", "CALLFOLD_SALESFORCE_AUTH_CLIENT_ID=dev", "CALLFOLD_SALESFORCE_AUTH_CLIENT_SECRET=dev"}
	plan := filepath.Join(w.dir, "plan")
	w.eventually("a rebuild of Salesforce would change nothing", func(context.Context) error {
		out, code := w.command(env, "replay", "plan", "--file", plan)
		if code != 0 {
			return fmt.Errorf("callfold replay plan: exit code %d\n%s", code, out)
		}
		header, err := os.ReadFile(plan)
		if err == nil && gjson.GetBytes(header, "summary.unchanged").Int() != int64(len(ids)) {
			err = fmt.Errorf("%d calls, and the plan is %s", len(ids), gjson.GetBytes(header, "summary"))
		}
		return err
	})
	w.tasksOf(o.Server, ids)
}
