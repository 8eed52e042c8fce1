package kafka

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/callfold/callfold/internal/settings"
)

// TestMembers: those of a group of either protocol, as they come and go. Brokers that have
// groups of the protocol classic only are not asked for others.
func TestMembers(t *testing.T) {
	for name, test := range map[string]struct {
		cluster []kfake.Opt
		member  []kgo.Opt
	}{
		"classic":     {},
		"consumer":    {member: []kgo.Opt{kgo.ServerSideBalancer()}},
		"old brokers": {cluster: []kfake.Opt{kfake.MaxVersions(kversion.V3_5_0())}},
	} {
		t.Run(name, func(t *testing.T) {
			s, adm := cluster(t, append(test.cluster, kfake.SeedTopics(2, "events"))...)
			if count, topics, err := Members(t.Context(), adm, "group"); count != 0 || len(topics) > 0 || err != nil {
				t.Errorf("nobody was there yet: %d members that read %q: %v", count, topics, err)
			}
			one := reader(t, s, "events", test.member...)
			eventuallyReads(t, adm, 1, "events")
			two := reader(t, s, "events", test.member...)
			eventuallyReads(t, adm, 2, "events")
			one.Close()
			eventuallyReads(t, adm, 1, "events")
			two.Close()
			eventuallyReads(t, adm, 0)
		})
	}
}

// eventuallyReads waits until the group has so many members, and they read these topics.
func eventuallyReads(t *testing.T, adm *kadm.Client, want int, wantTopics ...string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		count, topics, err := Members(t.Context(), adm, "group")
		if err == nil && count == want && slices.Equal(slices.Compact(topics), wantTopics) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d members that read %q, want %d and %q; %v", count, topics, want, wantTopics, err)
		}
		time.Sleep(20 * time.Millisecond) // polling
	}
}

// reader is a member of the group.
func reader(t *testing.T, s settings.Kafka, topic string, more ...kgo.Opt) *kgo.Client {
	t.Helper()
	return client(t, s, append([]kgo.Opt{kgo.ConsumerGroup("group"), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit()}, more...)...)
}

// TestMembersAskOneBroker: while other brokers than the group's coordinator are silent it
// is known that nobody is there.
func TestMembersAskOneBroker(t *testing.T) {
	fake := broker(t, kfake.NumBrokers(3))
	s := settings.Default().Kafka
	s.Brokers = fake.ListenAddrs()
	adm := kadm.NewClient(client(t, s))
	if _, _, err := Members(t.Context(), adm, "group"); err != nil { // it knows the coordinator
		t.Fatal(err)
	}
	silent := make(chan struct{})
	t.Cleanup(func() { close(silent) })
	fake.Control(func(kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		if fake.CurrentNode() != fake.CoordinatorFor("group") {
			fake.SleepControl(func() { <-silent })
		}
		return nil, nil, false
	})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if count, _, err := Members(ctx, adm, "group"); count != 0 || err != nil {
		t.Errorf("%d members: %v", count, err)
	}
}

// TestMembersOfTheConsumerProtocol: what a broker may answer about such a group.
func TestMembersOfTheConsumerProtocol(t *testing.T) {
	for answer, want := range map[*kerr.Error]error{
		kerr.GroupIDNotFound:          nil,
		kerr.UnsupportedVersion:       nil, // the feature group.version is off
		kerr.TopicAuthorizationFailed: kerr.TopicAuthorizationFailed,
		kerr.GroupAuthorizationFailed: kerr.GroupAuthorizationFailed,
		kerr.InvalidGroupID:           kerr.InvalidGroupID,
	} {
		_, _, err := Members(t.Context(), describedAs(t, answer), "group")
		if !errors.Is(err, want) || want != nil && !strings.HasPrefix(err.Error(), "asking Kafka who is in the group group: ") {
			t.Errorf("%v becomes %v", answer, err)
		}
	}
}

// describedAs is a cluster that answers with an error when it is asked about a group of
// the protocol consumer.
func describedAs(t *testing.T, answer *kerr.Error) *kadm.Client {
	t.Helper()
	fake := broker(t)
	fake.ControlKey(int16(kmsg.ConsumerGroupDescribe), func(r kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		response := r.ResponseKind().(*kmsg.ConsumerGroupDescribeResponse)
		group := kmsg.NewConsumerGroupDescribeResponseGroup()
		group.Group, group.ErrorCode = r.(*kmsg.ConsumerGroupDescribeRequest).Groups[0], answer.Code
		response.Groups = append(response.Groups, group)
		return response, nil, true
	})
	s := settings.Default().Kafka
	s.Brokers = fake.ListenAddrs()
	return kadm.NewClient(client(t, s))
}
