package kafka

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/callfold/callfold/internal/replay"
	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/internal/traffic"
)

// TestRebuildOfStates makes calls anew beside live traffic, switches over to it, and goes
// on. The processor stops later than the sink, so that some states are new to it.
func TestRebuildOfStates(t *testing.T) {
	w := newWorld(t)
	org, err := sfsim.New(sfsim.Options{})
	check(t, err)
	defer org.Close()
	check(t, org.LoadIfEmpty(traffic.SampleOrg()))
	salesforce := httptest.NewServer(org)
	defer salesforce.Close()
	blue := w.kafka.TopicPrefix + "blue-"
	toSalesforce := []string{
		"CALLFOLD_SALESFORCE_LOGIN_URL=" + salesforce.URL, "CALLFOLD_SALESFORCE_AUTH_FLOW=client_credentials",
		"CALLFOLD_SALESFORCE_AUTH_CLIENT_ID=dev", "CALLFOLD_SALESFORCE_AUTH_CLIENT_SECRET=dev", "CALLFOLD_SINK_MAX_LINGER=0s",
	}
	processor, sink := w.processor("a"), w.start("sink", "a", toSalesforce...)
	processor.ready()
	sink.ready()

	wait := w.loadSlowly(200, 5*time.Second)
	w.waitHandled(50)
	w.must("replay", "state", "--to", blue)
	w.must("verify", "--calls-prefix", blue)
	if out, code := w.command(nil, "replay", "state", "--to", blue, "--switch"); code == 0 || !strings.Contains(out, "has members") {
		t.Errorf("beside the stages a switch ends with code %d\n%s", code, out)
	}
	wait()
	sink.stop()
	w.load(20)
	w.drained()
	processor.stop()
	for _, role := range []string{"sink", "process"} {
		early := w.start(role, "early", append(toSalesforce, "CALLFOLD_KAFKA_CALLS_PREFIX="+blue)...)
		w.eventually("a stage that nobody has switched over ends", func(context.Context) error {
			select {
			case <-early.done:
				return nil
			default:
				return errors.New("it runs")
			}
		})
		if early.err == nil || !early.logged("replay state --to "+blue+" --switch") {
			t.Errorf("before the switch %s ends with %v", role, early.err)
		}
	}
	w.eventually("the groups have missed the stages, and the switch is done", func(context.Context) error {
		if out, code := w.command(nil, "replay", "state", "--to", blue, "--switch"); code != 0 {
			return fmt.Errorf("exit code %d\n%s", code, out)
		}
		return nil
	})
	if out, code := w.command(nil, "replay", "state", "--to", blue); code == 0 || !strings.Contains(out, "were switched over") {
		t.Errorf("to build what is live ends with code %d\n%s", code, out)
	}
	w.must("verify", "--calls-prefix", blue)
	old := w.topic("calls")
	before := len(w.readAll("calls"))

	w.kafka.CallsPrefix = blue
	if w.topic("calls") == old {
		t.Fatal("the setting changes nothing")
	}
	processor, sink = w.processor("a"), w.start("sink", "a", toSalesforce...)
	processor.ready()
	sink.ready()
	w.load(40)
	w.drained()
	w.verify()
	w.eventually("every Task is as it should be", func(context.Context) error {
		return w.planned(toSalesforce)
	})
	for _, s := range []*stage{processor, sink} {
		if n := s.metric("callfold_input_mismatch_total"); n != 0 {
			t.Errorf("%s found %v times that states and offsets were not committed together", s.name, n)
		}
		s.stop()
	}
	w.must("verify")
	w.kafka.CallsPrefix = ""
	if after := len(w.readAll("calls")); after != before {
		t.Errorf("%d records came to the old topic", after-before)
	}

	// The way back without a rebuild: both notice, and everything comes right. The sink is
	// first, since its group is believed to read the other topic until then.
	sink = w.start("sink", "a", toSalesforce...)
	sink.ready()
	processor = w.processor("a")
	processor.ready()
	w.load(10)
	w.drained()
	want, _ := w.expected()
	w.verifyCalls(want)
	w.eventually("every Task is as it should be", func(context.Context) error {
		return w.planned(toSalesforce)
	})
	for _, s := range []*stage{processor, sink} {
		if s.metric("callfold_input_mismatch_total") == 0 {
			t.Errorf("%s has not noticed that the topic is another one", s.name)
		}
		s.stop()
	}
	tasks := map[string]int{}
	for _, task := range org.Records("Task") {
		id := fmt.Sprint(task["Aircall_Call_Id__c"])
		if tasks[id]++; tasks[id] > 1 {
			t.Errorf("a second Task of call %s", id)
		}
	}
	if len(tasks) == 0 {
		t.Error("there are no Tasks: the test shows nothing")
	}
}

// must runs a command that has to do.
func (w *world) must(args ...string) {
	w.Helper()
	if out, code := w.command(nil, args...); code != 0 {
		w.Fatalf("callfold %s: exit code %d\n%s", strings.Join(args, " "), code, out)
	}
}

// planned is nil when a plan finds every Task as it should be, of all calls.
func (w *world) planned(env []string) error {
	w.Helper()
	file := filepath.Join(w.T.TempDir(), "plan")
	out, code := w.command(env, "replay", "plan", "--file", file, "--output", "json")
	if code != 0 {
		return fmt.Errorf("planning ended with %d\n%s", code, out)
	}
	var plan struct {
		Summary replay.Summary `json:"summary"`
	}
	if err := json.Unmarshal([]byte(out), &plan); err != nil {
		return fmt.Errorf("reading the plan: %w\n%s", err, out)
	}
	s := plan.Summary
	if s.Create+s.Recreate+s.Update+s.Moving+s.Duplicated > 0 || s.Unchanged == 0 || s.Calls < int64(w.calls) {
		return fmt.Errorf("%+v", s)
	}
	return nil
}
