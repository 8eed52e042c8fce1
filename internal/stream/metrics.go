package stream

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callfold/callfold/schemas"
)

// metrics of one stage; all carry the label stage.
type metrics struct {
	in, out, restored, guard         prometheus.Counter
	rejected, transactions           *prometheus.CounterVec
	handleSeconds, transactionSecond prometheus.Histogram
	remain                           *prometheus.GaugeVec
	hot                              prometheus.Gauge
	hotHits, hotMisses               prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "callfold_" + name, Help: help})
		reg.MustRegister(c)
		return c
	}
	counters := func(name, help, label string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "callfold_" + name, Help: help}, []string{label})
		reg.MustRegister(c)
		return c
	}
	seconds := func(name, help string) prometheus.Histogram {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "callfold_" + name, Help: help, Buckets: prometheus.ExponentialBuckets(0.001, 2, 16)})
		reg.MustRegister(h)
		return h
	}
	perPartition := func(name, help string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "callfold_" + name, Help: help}, []string{"partition"})
		reg.MustRegister(g)
		return g
	}
	hot := prometheus.NewGauge(prometheus.GaugeOpts{Name: "callfold_hot_states", Help: "Decoded states kept in memory."})
	reg.MustRegister(hot)
	return &metrics{
		hot:               hot,
		hotHits:           counter("hot_state_hits_total", "States read from memory."),
		hotMisses:         counter("hot_state_misses_total", "States looked for in memory and read from the table, if it had them."),
		in:                counter("records_in_total", "Input records whose effects were committed."),
		out:               counter("states_written_total", "States written to the changelog topic."),
		restored:          counter("restored_records_total", "Changelog records read to restore tables."),
		guard:             counter("input_mismatch_total", "Restored tables that did not fit the group's offset."),
		rejected:          counters("rejected_records_total", "Input records sent to the topic of rejected records.", "reason"),
		transactions:      counters("transactions_total", "Transactions by result: committed, aborted, unknown.", "result"),
		handleSeconds:     seconds("batch_seconds", "Time to handle a batch."),
		transactionSecond: seconds("transaction_seconds", "Time to write and end a transaction."),
		remain:            perPartition("restore_remaining_records", "Changelog offsets still to be read by a restore."),
	}
}

func (m *metrics) transaction(aborted, unknown error, took time.Duration) {
	result := "committed"
	switch {
	case unknown != nil:
		result = "unknown"
	case aborted != nil:
		result = "aborted"
	}
	m.transactions.WithLabelValues(result).Inc()
	m.transactionSecond.Observe(took.Seconds())
}

func (m *metrics) done(in, out int, rejected []schemas.RejectReason) {
	m.in.Add(float64(in))
	m.out.Add(float64(out))
	for _, r := range rejected {
		m.rejected.WithLabelValues(string(r)).Inc()
	}
}

func (m *metrics) restoring(partition int32, remaining int64) {
	m.remain.WithLabelValues(strconv.Itoa(int(partition))).Set(float64(remaining))
}

func (m *metrics) forget(partition int32) {
	m.remain.DeleteLabelValues(strconv.Itoa(int(partition)))
}
