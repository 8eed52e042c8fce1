package ingest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/ingest/journal"
	"github.com/callfold/callfold/internal/kafka"
)

// BenchmarkJournal takes webhooks with the broker there and with the broker away,
// in the same run, and prints the ratio of the two: the whole handler, a broker on
// loopback, a journal on the disk of the temporary directory. The journal is the
// only one of the two that waits for a disk.
func BenchmarkJournal(b *testing.B) {
	for _, clients := range []int{1, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			plain := throughput(b, clients, false)
			journaled := throughput(b, clients, true)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(plain.rate, "plain/s")
			b.ReportMetric(journaled.rate, "journaled/s")
			b.ReportMetric(journaled.rate/plain.rate, "ratio")
			b.ReportMetric(plain.p99, "plain-p99-ms")
			b.ReportMetric(journaled.p99, "journaled-p99-ms")
		})
	}
}

type measured struct{ rate, p99 float64 }

// throughput posts for a second from so many clients.
func throughput(b *testing.B, clients int, away bool) measured {
	b.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "events", "rejected"))
	if err != nil {
		b.Fatal(err)
	}
	defer cluster.Close()
	client, err := kgo.NewClient(append(append(kafka.ProducerOptions(), ProducerOptions()...), kgo.SeedBrokers(cluster.ListenAddrs()...))...)
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	o := testOptions()
	o.Producer, o.Tokens = client, []string{"8f14e45fceea167a5a36dedd4bea2543"}
	if o.Journal, err = journal.Open(journal.Options{Dir: b.TempDir(), MaxBytes: 8 << 30}); err != nil {
		b.Fatal(err)
	}
	defer o.Journal.Close()
	s, err := New(o)
	if err != nil {
		b.Fatal(err)
	}
	if away {
		s.broker.produced(time.Now(), kerr.BrokerNotAvailable)
	} else {
		s.broker.asked(nil)
	}
	times := post(b, s, clients)
	if held := s.o.Journal.Stats(); (held.Written > 0) != away {
		b.Fatalf("away %v, and the journal has %+v", away, held)
	}
	slices.Sort(times)
	return measured{rate: float64(len(times)), p99: times[len(times)*99/100].Seconds() * 1000}
}

// post returns how long each request of a second took.
func post(b *testing.B, s *Server, clients int) (times []time.Duration) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), time.Second)
	defer cancel()
	body := typicalBody()
	var mu sync.Mutex
	var posting sync.WaitGroup
	for range clients {
		posting.Go(func() {
			var mine []time.Duration
			for ctx.Err() == nil {
				w := discard{header: http.Header{}}
				started := time.Now()
				s.ServeHTTP(&w, httptest.NewRequest(http.MethodPost, Path, io.NopCloser(bytes.NewReader(body))))
				if w.status != http.StatusOK {
					b.Error(w.status)
					return
				}
				mine = append(mine, time.Since(started))
			}
			mu.Lock()
			defer mu.Unlock()
			times = append(times, mine...)
		})
	}
	posting.Wait()
	return times
}
