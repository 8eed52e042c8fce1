package stream

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callfold/callfold/schemas"
)

// How a transaction ended: the values of the label result.
const (
	resultCommitted = "committed"
	resultAborted   = "aborted"
	resultUnknown   = "unknown"
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
	m := &metrics{
		hot:               hot,
		hotHits:           counter("hot_state_hits_total", "States read from memory."),
		hotMisses:         counter("hot_state_misses_total", "States looked for in memory in vain, and read from the table, if it had them."),
		in:                counter("records_in_total", "Input records whose effects were committed."),
		out:               counter("states_written_total", "States written to the stage's output topic."),
		restored:          counter("restored_records_total", "Changelog records read to restore tables."),
		guard:             counter("input_mismatch_total", "Must stay 0: restored tables that did not fit the group's offset; see the log. Moving a group's offset by hand counts too."),
		rejected:          counters("rejected_records_total", "Input records sent to the topic rejected, by reason.", "reason"),
		transactions:      counters("transactions_total", "Transactions by result: those that were aborted are done again (rebalances cause some), after an unknown end the session is opened anew.", "result"),
		handleSeconds:     seconds("batch_seconds", "Time to handle a batch; for the sink, Salesforce included."),
		transactionSecond: seconds("transaction_seconds", "Time to write and end a transaction."),
		remain:            perPartition("restore_remaining_records", "Changelog offsets still to be read by a restore."),
	}
	// Every series exists from the start, so that rates do not miss the first.
	for _, r := range schemas.RejectReasons() {
		m.rejected.WithLabelValues(string(r))
	}
	for _, result := range []string{resultCommitted, resultAborted, resultUnknown} {
		m.transactions.WithLabelValues(result)
	}
	return m
}

func (m *metrics) transaction(aborted, unknown error, took time.Duration) {
	result := resultCommitted
	switch {
	case unknown != nil:
		result = resultUnknown
	case aborted != nil:
		result = resultAborted
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
