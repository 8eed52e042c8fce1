package kafka

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/callfold/callfold/internal/apache"
	"github.com/callfold/callfold/internal/kafka"
)

// The users of a node with an authorizer. All may describe the topic that they ask about:
// the first also the group and the topic that it reads, the second only the group.
const seesAll, seesGroup, seesTopic = "sees-all", "sees-group", "sees-topic"

// TestReadElsewhereWithoutRights is what Kafka tells of a group's members to a user who may
// not describe what they read, or the group, under both protocols.
func TestReadElsewhereWithoutRights(t *testing.T) {
	only(t, "Kafka's own authorizer answers, and one node shows it", one)
	const asked, read, hidden = "new.events", "old.events", "a topic that this user may not see (the right DESCRIBE)"
	w := emptyWorld(t, authorizing(t))
	_, err := w.adm.CreateTopics(w.patiently(), 1, 1, nil, asked, read)
	check(t, err)
	w.allow(kadm.NewACLs().Topics(asked).Allow("User:"+seesAll, "User:"+seesGroup, "User:"+seesTopic))
	w.allow(kadm.NewACLs().Topics(read).Allow("User:" + seesAll))
	w.allow(kadm.NewACLs().Groups("classic", "consumer").Allow("User:"+seesAll, "User:"+seesGroup))

	for _, group := range []struct {
		name         string
		options      []kgo.Opt
		first, mixed string // what who may not describe what is read is told
	}{
		{"classic", nil, read, ""},
		{"consumer", []kgo.Opt{kgo.ServerSideBalancer()}, hidden, hidden},
	} {
		member := append(group.options, kgo.ConsumerGroup(group.name))
		w.newClient(append(member, kgo.ConsumeTopics(read))...)
		w.readsElsewhere(seesAll, group.name, asked, read, nil)
		w.readsElsewhere(seesGroup, group.name, asked, group.first, nil)
		w.readsElsewhere(seesTopic, group.name, asked, "", kerr.GroupAuthorizationFailed)

		w.newClient(append(member, kgo.ConsumeTopics(asked))...)
		w.readsElsewhere(seesAll, group.name, asked, "", nil)
		w.readsElsewhere(seesGroup, group.name, asked, group.mixed, nil)
	}
}

// authorizing is a node that lets its users do only what it was told, and those who do not
// sign in everything.
func authorizing(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{kind: one}
	var err error
	f.apache, err = apache.Start(t.Context(), apache.Options{
		Dir:       t.TempDir(),
		Listeners: []apache.Listener{{Name: "SASL", Protocol: "SASL_PLAINTEXT", Mechanisms: []string{"PLAIN"}}},
		Users:     map[string]string{seesAll: password, seesGroup: password, seesTopic: password},
		Config: map[string]string{
			"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
			"super.users":           "User:ANONYMOUS",
		},
	})
	check(t, err)
	t.Cleanup(f.close)
	f.brokers, f.direct = f.apache.Brokers(), f.apache.Direct()
	return f
}

// allow gives the right to describe.
func (w *world) allow(rights *kadm.ACLBuilder) {
	w.Helper()
	rights = rights.AllowHosts().Operations(kadm.OpDescribe).ResourcePatternType(kadm.ACLPatternLiteral)
	made, err := w.adm.CreateACLs(w.patiently(), rights)
	check(w.T, err)
	for _, acl := range made {
		check(w.T, acl.Err)
	}
}

// readsElsewhere waits until the user is told what is wanted about the group.
func (w *world) readsElsewhere(user, group, topic, want string, wantErr error) {
	w.Helper()
	as := kgo.SASL(plain.Auth{User: user, Pass: password}.AsMechanism())
	adm := kadm.NewClient(w.newClient(as, kgo.SeedBrokers(w.fleet.apache.Listener("SASL")...)))
	w.eventually(fmt.Sprintf("%s is told %q of the group %s, error %v", user, want, group, wantErr), func(ctx context.Context) error {
		got, err := kafka.ReadElsewhere(ctx, adm, group, topic)
		if got != want || !errors.Is(err, wantErr) {
			return fmt.Errorf("it is told %q, error %v", got, err) //nolint:errorlint // there may be none
		}
		return nil
	})
}
