package ingest

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callfold/callfold/ingest/journal"
)

// registerJournal registers the metrics of the journal. Without one they are there
// too, and 0.
func (s *Server) registerJournal() error {
	for _, c := range s.journalMetrics() {
		if err := s.o.Registerer.Register(c); err != nil {
			return fmt.Errorf("registering the metrics of the journal: %w", err)
		}
	}
	return nil
}

func (s *Server) journalMetrics() []prometheus.Collector {
	of := func(read func(journal.Stats) float64) func() float64 {
		return func() float64 {
			if s.o.Journal == nil {
				return 0
			}
			return read(s.o.Journal.Stats())
		}
	}
	gauge := func(name, help string, read func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "callfold_ingest_journal_" + name, Help: help}, read)
	}
	counter := func(name, help string, labels prometheus.Labels, read func(journal.Stats) float64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "callfold_ingest_journal_" + name, Help: help, ConstLabels: labels}, of(read))
	}
	refused := func(reason string, read func(journal.Stats) float64) prometheus.Collector {
		return counter("refused_total", "Records that the journal did not take, and that were answered with 503: it is full, the disk failed, or was too slow.", prometheus.Labels{"reason": reason}, read)
	}
	return []prometheus.Collector{
		gauge("events", "Records in the journal that are not known to be in Kafka.", of(func(h journal.Stats) float64 { return float64(h.Events) })),
		gauge("bytes", "Bytes of the journal on disk; without a journal all of these are 0.", of(func(h journal.Stats) float64 { return float64(h.Bytes) })),
		gauge("limit_bytes", "Bytes that the journal may have on disk; 0 without a journal.", of(func(h journal.Stats) float64 { return float64(h.Limit) })),
		gauge("oldest_seconds", "Age of the oldest record in the journal, 0 when it is empty.", of(s.oldestSeconds)),
		gauge("stuck_events", "Must stay 0: records in the journal that Kafka refuses for good; see the log.", func() float64 {
			if s.replay == nil {
				return 0
			}
			return float64(s.replay.stuck.Load())
		}),
		gauge("damaged_files", "Must stay 0: files of the journal that were moved aside because something in them could not be read.", func() float64 {
			if s.o.Journal == nil {
				return 0
			}
			return float64(s.o.Journal.Damaged())
		}),
		counter("written_total", "Records that were synced to the journal; they count as accepted or rejected in the requests.", nil, func(h journal.Stats) float64 { return float64(h.Written) }),
		counter("published_total", "Records of the journal that Kafka took.", nil, func(h journal.Stats) float64 { return float64(h.Published) }),
		refused("full", func(h journal.Stats) float64 { return float64(h.Full) }),
		refused("slow", func(h journal.Stats) float64 { return float64(h.Slow) }),
		refused("failed", func(h journal.Stats) float64 { return float64(h.Failed) }),
	}
}

func (s *Server) oldestSeconds(held journal.Stats) float64 {
	if held.Events == 0 || held.Oldest.IsZero() {
		return 0
	}
	return max(0, s.o.Now().Sub(held.Oldest).Seconds())
}
