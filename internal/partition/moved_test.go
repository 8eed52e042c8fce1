package partition

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/callfold/callfold/internal/kafka/bubble"
)

// TestMoved reads a partition whose leader changes, is away, or says for a moment that it
// does not lead: each record comes once, in order.
func TestMoved(t *testing.T) {
	const count = 40
	for name, test := range map[string]struct {
		before, amid func(*testing.T, *kfake.Cluster)
	}{
		"before":     {before: move},
		"amid":       {amid: move},
		"both":       {before: move, amid: move},
		"gone":       {before: remove},
		"gone amid":  {amid: remove},
		"not leader": {amid: fail(kerr.NotLeaderForPartition, 5)},
		"fenced":     {amid: fail(kerr.FencedLeaderEpoch, 5)},
		"epoch":      {before: fail(kerr.UnknownLeaderEpoch, 5)},
		"broken":     {before: cut, amid: cut},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broker := bubble.Start(t, kfake.Ports(9093, 9094, 9095), kfake.SeedTopics(1, "t"))
				client := broker.Client()
				defer client.Close()
				noise := rand.NewChaCha8([32]byte{})
				var want, got []int64
				for range count {
					r := &kgo.Record{Topic: "t", Value: make([]byte, 100_000)}
					_, _ = noise.Read(r.Value) // so that it takes several fetches, compressed, too
					if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
						t.Fatal(err)
					}
					want = append(want, r.Offset)
				}
				topics, err := Lookup(t.Context(), client, "t")
				if err != nil {
					t.Fatal(err)
				}
				p, err := topics.Partition("t", 0)
				if err != nil {
					t.Fatal(err)
				}
				if test.before != nil {
					test.before(t, broker.Cluster)
				}
				fetches := 0
				complete, err := p.Read(t.Context(), func(records []*kgo.Record, _ int64) error {
					if fetches++; fetches == 1 && test.amid != nil {
						test.amid(t, broker.Cluster)
					}
					for _, r := range records {
						got = append(got, r.Offset)
					}
					return nil
				})
				if err != nil || !complete || fetches < 3 {
					t.Fatalf("complete %v after %d fetches: %v", complete, fetches, err)
				}
				if !slices.Equal(got, want) {
					t.Errorf("read are %v", got)
				}
				if r, err := p.At(t.Context(), 7); err != nil || r == nil || r.Offset != 7 {
					t.Errorf("one record: %v, %v", r, err)
				}
			})
		})
	}
}

// TestNoLeader: a leader that stays away ends the reading, and the error says what to do; one
// that is away for a moment while offsets are listed does not.
func TestNoLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := bubble.Start(t, kfake.SeedTopics(1, "t"))
		client := broker.Client(kgo.RequestRetries(0))
		defer client.Close()
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "t"}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		broker.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Err: kerr.LeaderNotAvailable, Count: 4})
		topics, err := Lookup(t.Context(), client, "t")
		if err != nil {
			t.Fatal(err)
		}
		p, err := topics.Partition("t", 0)
		if err != nil {
			t.Fatal(err)
		}
		fail(kerr.NotLeaderForPartition, -1)(t, broker.Cluster)
		_, err = p.Read(t.Context(), func([]*kgo.Record, int64) error { return nil })
		if !errors.Is(err, kerr.NotLeaderForPartition) || !strings.Contains(err.Error(), "reading t, partition 0, offset 0: no leader answered for 1m0s (see ") {
			t.Errorf("no leader: %v", err)
		}
	})
}

// ofOneRecord writes a record to the topic t, which has one partition, and looks that up.
func ofOneRecord(t *testing.T, broker *bubble.Broker) *Partition {
	t.Helper()
	client := broker.Client()
	t.Cleanup(client.Close)
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "t"}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	topics, err := Lookup(t.Context(), client, "t")
	if err != nil {
		t.Fatal(err)
	}
	p, err := topics.Partition("t", 0)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestMadeAnew: offsets of a topic are not looked for in another of its name.
func TestMadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := bubble.Start(t, kfake.SeedTopics(1, "t"))
		p := ofOneRecord(t, broker)
		if err := errors.Join(broker.DeleteTopic("t"), broker.CreateTopic("t", 1, nil)); err != nil {
			t.Fatal(err)
		}
		if _, err := p.At(t.Context(), 0); err == nil || !strings.HasSuffix(err.Error(), "offset 0: the topic was made anew meanwhile; run the command again") {
			t.Errorf("a topic made anew: %v", err)
		}
	})
}

func move(t *testing.T, cluster *kfake.Cluster) {
	t.Helper()
	if err := cluster.MoveTopicPartition("t", 0, (cluster.LeaderFor("t", 0)+1)%3); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, cluster *kfake.Cluster) {
	t.Helper()
	if err := cluster.RemoveNode(cluster.LeaderFor("t", 0)); err != nil {
		t.Fatal(err)
	}
}

func fail(err *kerr.Error, times int) func(*testing.T, *kfake.Cluster) {
	return func(_ *testing.T, cluster *kfake.Cluster) {
		cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: err, Count: times})
	}
}

// cut has the broker hang up instead of answering a fetch.
func cut(_ *testing.T, cluster *kfake.Cluster) {
	cluster.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		return nil, errors.New("cut"), true
	})
}
