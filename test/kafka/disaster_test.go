package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/callfold/callfold/internal/kafka"
)

// TestTopicsLost loses everything but the log, as docs/operations/disaster-recovery.md
// has it: the outcomes, or the states with them. It is all made again, and every call
// keeps the one Task that it had.
func TestTopicsLost(t *testing.T) {
	for _, lost := range [][]string{{kafka.Tasks}, {kafka.Calls, kafka.Tasks}} {
		t.Run(strings.Join(lost, " and "), func(t *testing.T) {
			w := newWorld(t)
			org, url := newOrg(t)
			stages, front := w.startAll(url)
			calls := w.post(front, 60)
			w.drained()
			before := w.tasksOf(org, calls)
			for _, s := range stages {
				s.stop()
			}

			groups := map[string]string{kafka.Tasks: kafka.SinkGroup, kafka.Calls: kafka.ProcessorGroup}
			old, err := w.adm.ListTopics(w.patiently(), w.topic(kafka.Tasks), w.topic(kafka.Calls))
			check(t, err)
			check(t, old.Error())
			for _, name := range lost {
				_, err := w.adm.DeleteTopic(w.patiently(), w.topic(name))
				check(t, err)
				w.eventually("the group is empty and can be deleted", func(ctx context.Context) error {
					_, err := w.adm.DeleteGroup(ctx, kafka.GroupName(w.kafka, groups[name]))
					if errors.Is(err, kerr.GroupIDNotFound) {
						return nil // a group without members and offsets goes by itself
					}
					return err
				})
			}
			check(t, os.RemoveAll(w.stateDir("a")))
			check(t, os.RemoveAll(filepath.Join(w.dir, "sink-a")))
			w.eventually("the topics are made anew", func(ctx context.Context) error {
				if out, code := w.command(nil, "topics", "create"); code != 0 {
					return fmt.Errorf("exit code %d\n%s", code, out)
				}
				return w.madeAnew(ctx, old, lost)
			})

			stages, front = w.startAll(url)
			maps.Copy(calls, w.post(front, 5))
			w.rebuilt(calls)
			after := w.tasksOf(org, calls)
			for _, s := range stages {
				s.stop()
			}
			keepTheirTasks(t, before, after)
		})
	}
}

// TestMorePartitions moves everything to topics with more partitions, as
// docs/operations/partitions.md has it, with calls that come in meanwhile.
func TestMorePartitions(t *testing.T) {
	w := newWorld(t)
	org, url := newOrg(t)
	stages, front := w.startAll(url)
	calls := w.post(front, 60)
	w.drained()
	before := w.tasksOf(org, calls)

	old := w.kafka
	wide := old
	wide.TopicPrefix, wide.GroupPrefix, wide.Partitions = old.TopicPrefix+"wide-", old.TopicPrefix+"wide-", 2*partitions
	w.kafka = wide
	if out, code := w.command(nil, "topics", "create"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, out)
	}
	w.kafka = old
	copyLog := func() {
		t.Helper()
		if out, code := w.command(nil, "replay", "events", "--to", wide.TopicPrefix); code != 0 {
			t.Fatalf("exit code %d\n%s", code, out)
		}
	}
	copyLog()
	maps.Copy(calls, w.post(front, 5))
	for _, s := range stages {
		s.stop()
	}
	copyLog()

	w.kafka, w.dir = wide, t.TempDir()
	stages, front = w.startAll(url)
	maps.Copy(calls, w.post(front, 5))
	w.rebuilt(calls)
	after := w.tasksOf(org, calls)
	for _, s := range stages {
		s.stop()
	}
	keepTheirTasks(t, before, after)
	if out, code := w.command(nil, "topics", "check"); code != 0 {
		t.Errorf("topics check: exit code %d\n%s", code, out)
	}
}

// madeAnew is nil when every broker knows topics of these names, and none of the old ones.
func (w *world) madeAnew(ctx context.Context, old kadm.TopicDetails, names []string) error {
	req := kmsg.NewPtrMetadataRequest()
	for _, name := range names {
		ask := kmsg.NewMetadataRequestTopic()
		ask.Topic = new(w.topic(name))
		req.Topics = append(req.Topics, ask)
	}
	brokers, err := w.adm.ListBrokers(ctx)
	if err != nil {
		return err
	}
	for _, broker := range brokers {
		answer, err := w.client.Broker(int(broker.NodeID)).RetriableRequest(ctx, req)
		if err != nil {
			return err
		}
		for _, found := range answer.(*kmsg.MetadataResponse).Topics {
			if err := kerr.ErrorForCode(found.ErrorCode); err != nil {
				return err
			}
			if found.TopicID == old[*found.Topic].ID {
				return fmt.Errorf("broker %d knows the old topic %s", broker.NodeID, *found.Topic)
			}
		}
	}
	return nil
}

// rebuilt waits until calls and tasks are whole again, and has verify look.
func (w *world) rebuilt(calls map[string]bool) {
	w.Helper()
	w.drained()
	w.outcomesOf(calls)
	// A transaction that a killed process left open would hide records from verify.
	w.closedEnds(w.topic("events"))
	w.closedEnds(w.topic("calls"))
	if out, code := w.command(nil, "verify"); code != 0 {
		w.Errorf("verify: exit code %d\n%s", code, out)
	}
}

// keepTheirTasks compares the Ids of Tasks by call.
func keepTheirTasks(t *testing.T, before, after map[string]string) {
	t.Helper()
	for call, id := range before {
		if after[call] != id {
			t.Errorf("call %s had the Task %s and has %s", call, id, after[call])
		}
	}
}
