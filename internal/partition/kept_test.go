package partition

import (
	"maps"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka/bubble"
)

// TestKept asks for keys whose values were written, taken away, written again, and never
// there, and for what a transaction hides.
func TestKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := bubble.Start(t, kfake.SeedTopics(3, "t"))
		client, writer := broker.Client(), broker.Client(kgo.TransactionalID("writer"))
		defer client.Close()
		defer writer.Close()
		put := func(client *kgo.Client, key string, value []byte) int32 {
			t.Helper()
			r := &kgo.Record{Topic: "t", Key: []byte(key), Value: value}
			if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
				t.Fatal(err)
			}
			return r.Partition
		}
		for _, key := range []string{"there", "gone", "again", "other"} {
			put(client, key, []byte("{}"))
		}
		put(client, "gone", nil)
		put(client, "again", nil)
		put(client, "again", []byte("{}"))
		var progress Progress
		kept, hidden, err := Kept(t.Context(), client, "t", []string{"there", "gone", "again", "never"}, &progress)
		if want := map[string]bool{"there": true, "gone": false, "again": true, "never": false}; err != nil || !maps.Equal(kept, want) || len(hidden) > 0 {
			t.Errorf("kept are %v, hidden %v: %v", kept, hidden, err)
		}
		read := progress.Done.Load()
		if kept, _, err := Kept(t.Context(), client, "t", nil, &progress); err != nil || len(kept) > 0 || read == 0 || progress.Done.Load() != read {
			t.Errorf("of no keys %v are kept: %v", kept, err)
		}

		if err := writer.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		number := put(writer, "there", nil)
		if _, hidden, err = Kept(t.Context(), client, "t", []string{"there"}, &progress); err != nil || !slices.Equal(hidden, []int32{number}) {
			t.Errorf("hidden are %v: %v", hidden, err)
		}
	})
}
