//go:build synctests

package stream

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// waiting counts what a client has fetched and not given out yet.
type waiting struct{ records, bytes atomic.Int64 }

func (w *waiting) OnFetchRecordBuffered(r *kgo.Record) {
	w.records.Add(1)
	w.bytes.Add(int64(len(r.Value)))
}

func (w *waiting) OnFetchRecordUnbuffered(r *kgo.Record, _ bool) {
	w.records.Add(-1)
	w.bytes.Add(-int64(len(r.Value)))
}

// TestSlowHandlerHoldsBackTheInput: while a handler works, no more is read than one
// fetch, however much there is.
func TestSlowHandlerHoldsBackTheInput(t *testing.T) {
	inWorld(t, func(w *world) {
		const records, size, batch = 2000, 10_000, 100_000 // 20 MB
		producer, err := kgo.NewClient(append(w.options(w.net.DialContext), kgo.ProducerBatchMaxBytes(batch))...)
		w.check(err)
		defer producer.Close()
		random := rand.New(rand.NewPCG(1, 2))
		for i := range records {
			value := make([]byte, size) // not to be compressed
			for i := range value {
				value[i] = byte(random.Uint32())
			}
			producer.Produce(context.Background(), &kgo.Record{Topic: "in", Key: fmt.Append(nil, i), Value: value}, nil)
		}
		w.check(producer.Flush(context.Background()))

		var held waiting
		busy, done := make(chan struct{}), make(chan struct{})
		batches := 0
		s := w.start("a", func(o *Options[tally]) {
			o.Client = func() []kgo.Opt { return append(w.options(w.net.DialContext), kgo.WithHooks(&held)) }
			o.Handler = handlerFunc(func(context.Context, *Batch[tally]) error {
				if batches++; batches == 40 { // all partitions are being read by now
					close(busy)
					<-done
				}
				return nil
			})
		})
		<-busy
		for range 6 {
			time.Sleep(10 * time.Second) // virtual
			if n := held.bytes.Load(); n > fetchBytes+2*batch {
				t.Errorf("%d records of %d bytes wait, want at most %d bytes", held.records.Load(), n, fetchBytes)
			}
		}
		close(done)
		w.wait("the whole input is handled", func() bool { return s.counter("callfold_records_in_total") == records })
	})
}

// TestLargeRecordsMakeSmallBatches: a batch has fewer records when they are large.
func TestLargeRecordsMakeSmallBatches(t *testing.T) {
	inWorld(t, func(w *world) {
		const records, size = 60, 900_000
		value := bytes.Repeat([]byte("a"), size) // a fetch holds all of it, compressed
		put := func(from, to int) {
			for i := from; i < to; i++ {
				w.check(w.client.ProduceSync(context.Background(), &kgo.Record{Topic: "in", Key: fmt.Append(nil, i), Value: value}).FirstErr())
			}
		}
		put(0, 1) // by the first batch the stage learns how large records are
		first, fetched := make(chan struct{}), make(chan struct{})
		var batches []int
		s := w.start("a", func(o *Options[tally]) {
			o.BatchRecords = 1000
			o.Handler = handlerFunc(func(_ context.Context, b *Batch[tally]) error {
				n := 0
				for _, p := range b.Partitions {
					n += len(p.Records)
				}
				if batches = append(batches, n); len(batches) == 1 {
					close(first)
					<-fetched
				}
				return nil
			})
		})
		<-first
		put(1, records)
		time.Sleep(10 * time.Second) // virtual
		close(fetched)
		w.wait("the whole input is handled", func() bool { return s.counter("callfold_records_in_total") == records })
		for i, n := range batches {
			if i == 0 && n != 1 || n > batchBytes/size {
				t.Errorf("batches of %v records of 0.9 MB; want 1, and then at most %d", batches, batchBytes/size)
			}
		}
	})
}
