package partition

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
)

func world(t *testing.T) *kgo.Client {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(2), kfake.SeedTopics(3, "t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(append(kafka.ProducerOptions(), kgo.SeedBrokers(cluster.ListenAddrs()...))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// TestReadEverything reads three partitions whose beginnings were deleted, to the
// end that they had before a last record came, and single records of them.
func TestReadEverything(t *testing.T) {
	client := world(t)
	ctx := t.Context()
	put := func(key string) *kgo.Record {
		r := &kgo.Record{Topic: "t", Key: []byte(key)}
		if err := client.ProduceSync(ctx, r).FirstErr(); err != nil {
			t.Fatal(err)
		}
		return r
	}
	at := map[string]*kgo.Record{}
	for i := range 30 {
		at[strconv.Itoa(i)] = put(strconv.Itoa(i))
	}
	gone := kadm.Offsets{}
	for p := range int32(3) {
		gone.AddOffset("t", p, 2, -1)
	}
	if _, err := kadm.NewClient(client).DeleteRecords(ctx, gone); err != nil {
		t.Fatal(err)
	}
	topics, err := Lookup(ctx, client, "t")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for number := range int32(3) {
		p, err := topics.Partition("t", number)
		if err != nil {
			t.Fatal(err)
		}
		offsets := int64(0)
		complete, err := p.Read(ctx, func(records []*kgo.Record, n int64) error {
			offsets += n
			for _, r := range records {
				seen[string(r.Key)] = true
				if one, err := p.At(ctx, r.Offset); err != nil || one == nil || string(one.Key) != string(r.Key) {
					t.Errorf("record %s alone: %v, %v", r.Key, one, err)
				}
			}
			return nil
		})
		if err != nil || !complete || offsets != p.Len() {
			t.Errorf("partition %d: %d offsets of %d, complete %v: %v", number, offsets, p.Len(), complete, err)
		}
		for _, offset := range []int64{1, p.end} {
			if one, err := p.At(ctx, offset); one != nil || err != nil {
				t.Errorf("offset %d, which is not there: %v, %v", offset, one, err)
			}
		}
	}
	for key, r := range at {
		if number, err := topics.NumberOf("t", key); err != nil || number != r.Partition {
			t.Errorf("key %s is looked for in partition %d, and was put into %d: %v", key, number, r.Partition, err)
		}
		if seen[key] != (r.Offset >= 2) {
			t.Errorf("record %s at offset %d: read is %v", key, r.Offset, seen[key])
		}
	}
}

func TestReadEnds(t *testing.T) {
	client := world(t)
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Partition: 0, Key: []byte("k")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	topics, err := Lookup(t.Context(), client, "t", "none")
	if err != nil {
		t.Fatal(err)
	}
	number, err := topics.NumberOf("t", "k")
	if err != nil {
		t.Fatal(err)
	}
	p, err := topics.Partition("t", number)
	if err != nil {
		t.Fatal(err)
	}
	stop := errors.New("enough")
	if _, err := p.Read(t.Context(), func([]*kgo.Record, int64) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the caller's error: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Read(ctx, func([]*kgo.Record, int64) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := topics.Partition("none", 0); !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("no topic: %v", err)
	}
	if _, err := topics.Partition("t", 3); err == nil {
		t.Error("no partition: no error")
	}
}

// TestParts: a part of a partition has what lies between two offsets, or what was
// written since a time.
func TestParts(t *testing.T) {
	client := world(t)
	ctx := t.Context()
	began := time.UnixMilli(1_780_000_000_000)
	for i := range 10 {
		r := &kgo.Record{Topic: "t", Key: []byte("one"), Timestamp: began.Add(time.Duration(i) * time.Minute)}
		if err := client.ProduceSync(ctx, r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	topics, err := Lookup(ctx, client, "t")
	if err != nil {
		t.Fatal(err)
	}
	number, err := topics.NumberOf("t", "one")
	if err != nil {
		t.Fatal(err)
	}
	whole, err := topics.Partition("t", number)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ from, until, start, end int64 }{{3, 5, 3, 5}, {-4, 99, 0, 10}, {99, 99, 10, 10}, {8, 2, 8, 8}} {
		if p := whole.From(test.from).Until(test.until); p.Start() != test.start || p.End() != test.end {
			t.Errorf("from %d until %d is %d to %d", test.from, test.until, p.Start(), p.End())
		}
	}
	for minutes, start := range map[int]int64{-5: 0, 0: 0, 4: 4, 9: 9, 20: 10} {
		p, err := whole.Since(ctx, began.Add(time.Duration(minutes)*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		if p.Start() != start || p.End() != whole.End() {
			t.Errorf("since minute %d is %d to %d", minutes, p.Start(), p.End())
		}
	}
}
