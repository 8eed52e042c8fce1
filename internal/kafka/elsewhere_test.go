package kafka

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestReadElsewhere: it is about members that are there, under both protocols.
func TestReadElsewhere(t *testing.T) {
	for protocol, options := range map[string][]kgo.Opt{"classic": nil, "consumer": {kgo.ServerSideBalancer()}} {
		t.Run(protocol, func(t *testing.T) {
			s, adm := cluster(t, kfake.SeedTopics(2, "old.events", "new.events"))
			wants := func(topic, want string) {
				t.Helper()
				deadline := time.Now().Add(30 * time.Second)
				for {
					got, err := ReadElsewhere(t.Context(), adm, "group", topic)
					if err == nil && got == want {
						return
					}
					if time.Now().After(deadline) {
						t.Fatalf("in the place of %s they read %q, want %q; %v", topic, got, want, err)
					}
					time.Sleep(20 * time.Millisecond) // polling
				}
			}
			wants("new.events", "") // nobody is there
			member := reader(t, s, "old.events", options...)
			wants("new.events", "old.events")
			wants("old.events", "")
			reader(t, s, "new.events", options...)
			wants("new.events", "")
			member.Close()
			wants("old.events", "new.events")
		})
	}
}

// TestReadElsewhereIsForbidden: it can be told from other trouble.
func TestReadElsewhereIsForbidden(t *testing.T) {
	_, adm := cluster(t, kfake.EnableACLs())
	if _, err := ReadElsewhere(t.Context(), adm, "group", "events"); !errors.Is(err, kerr.GroupAuthorizationFailed) {
		t.Errorf("got %v", err)
	}
}

// TestReadElsewhereIsHidden: as soon as a member reads a topic that this user may not
// describe Kafka tells of none, and that is another topic.
func TestReadElsewhereIsHidden(t *testing.T) {
	got, err := ReadElsewhere(t.Context(), describedAs(t, kerr.TopicAuthorizationFailed), "group", "events")
	if got != hiddenTopic || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}
