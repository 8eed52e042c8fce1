package table

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// BenchmarkLoad is the table's share of a restore: values of 1.6 KB in batches of
// 1,000, in the order of their keys, partition by partition. The metric cpu-ns/op
// counts the flushes and merges in the background, too.
func BenchmarkLoad(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	text := make([]byte, 1<<20) // compresses to about half, as states do
	for i := range text {
		text[i] = "0123456789abcdef"[rng.IntN(16)]
	}
	for _, timers := range []bool{false, true} {
		b.Run("timers="+strconv.FormatBool(timers), func(b *testing.B) {
			s := openTest(b, b.TempDir(), timers)
			b.ReportAllocs()
			b.SetBytes(1600)
			before := cpuTime(b)
			b.ResetTimer()
			const perPartition, batch = 100_000, 1000
			for n := 0; n < b.N; {
				tab := acquire(b, s, int32(n/perPartition))
				for range perPartition / batch {
					changes := make([]Change, 0, batch)
					for range min(batch, b.N-n) {
						at := rng.IntN(len(text) - 1600)
						changes = append(changes, Change{Key: strconv.Itoa(2_000_000_000_000 + n), Value: bytes.Clone(text[at : at+1600])})
						n++
					}
					if err := tab.Apply(changes, Checkpoint{Offset: int64(n), SavedAt: time.Unix(1, 0)}); err != nil {
						b.Fatal(err)
					}
				}
				tab.Release()
			}
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
