package sfsink

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// pauses knows of which partitions the newest turn was given up, and why. It says
// so in the log when that begins, changes and ends, and to the metrics whenever
// they are gathered.
type pauses struct {
	now func() time.Time
	log *slog.Logger

	paused, oldest, waiting *prometheus.Desc

	mu sync.Mutex
	by map[int32]pause // also noPartition
	// parked are the calls that wait by themselves.
	parked parked
	// reason is what the log was told last, empty while nothing is paused.
	reason string
	began  time.Time
}

// pause is one partition's.
type pause struct {
	err    error
	oldest time.Time // when the first record that waits came; zero where only timers do
	seen   time.Time // when the turn was given up
}

// forgetPause is after how long a partition that was not tried again is taken to
// belong to another process. A turn takes minutes while Salesforce does not answer.
const forgetPause = 10 * time.Minute

func newPauses(r prometheus.Registerer, now func() time.Time, log *slog.Logger) *pauses {
	p := &pauses{
		now: now, log: log, by: map[int32]pause{}, parked: parked{now: now, by: map[string]waiting{}},
		paused: prometheus.NewDesc("callfold_sink_paused",
			"1 while nothing is written to Salesforce for this reason, or nothing could be if there were calls; else 0.", []string{"reason"}, nil),
		oldest: prometheus.NewDesc("callfold_sink_oldest_unwritten_seconds",
			"Age of the oldest call that waits to be written: since it came, where writing is stopped, or since Salesforce first refused it, where it is tried again (retrying); "+
				"0 while none waits. After a start the process knows of the latter as they are tried, which is within the hour.", nil, nil),
		waiting: prometheus.NewDesc("callfold_sink_parked_calls",
			"Calls that Salesforce refused for the moment and that are tried again (retrying), at most 10,000 a process. After a start the process knows of them as they are tried, which is within the hour.", nil, nil),
	}
	if r != nil {
		r.MustRegister(p)
	}
	return p
}

// Describe tells the metrics; it makes pauses a prometheus.Collector.
func (p *pauses) Describe(to chan<- *prometheus.Desc) {
	to <- p.paused
	to <- p.oldest
	to <- p.waiting
}

// Collect gives the metrics as they are now.
func (p *pauses) Collect(to chan<- prometheus.Metric) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.prune()
	reasons := map[string]bool{}
	calls, age := p.parked.waiting()
	for _, x := range p.by {
		reasons[reasonOf(x.err)] = true
		if !x.oldest.IsZero() {
			age = max(age, p.now().Sub(x.oldest))
		}
	}
	for _, reason := range pauseReasons() {
		value := 0.0
		if reasons[reason] {
			value = 1
		}
		to <- prometheus.MustNewConstMetric(p.paused, prometheus.GaugeValue, value, reason)
	}
	to <- prometheus.MustNewConstMetric(p.oldest, prometheus.GaugeValue, age.Seconds())
	to <- prometheus.MustNewConstMetric(p.waiting, prometheus.GaugeValue, float64(calls))
}

// turn notes how a turn ended.
func (p *pauses) turn(inputs []input, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.prune()
	if err != nil {
		p.parked.putOff(inputs)
	}
	for _, in := range inputs {
		if err == nil {
			delete(p.by, in.partition)
			continue
		}
		x := pause{err: err, seen: p.now()}
		if len(in.records) > 0 {
			x.oldest = in.records[0].Timestamp
		}
		p.by[in.partition] = x
	}
	p.tell(err)
}

// tell writes to the log what has changed.
func (p *pauses) tell(err error) {
	reason := reasonOf(err)
	switch {
	case err == nil && len(p.by) == 0 && p.reason != "":
		p.log.Info("writing to Salesforce goes on", "was", p.reason, "after", p.now().Sub(p.began).Round(time.Second))
		p.reason = ""
	case err != nil && reason != p.reason:
		if p.reason == "" {
			p.began = p.now()
		}
		p.reason = reason
		for _, s := range stoppedIn(err) {
			p.log.Error("writing to Salesforce is stopped; no call is lost, and it goes on by itself", "reason", reason, "cause", s.Err, "fix", s.Fix)
		}
	}
}

// stoppedIn are all that an error says a person should mend.
func stoppedIn(err error) []*Stopped {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*Stopped
		for _, e := range joined.Unwrap() {
			all = append(all, stoppedIn(e)...)
		}
		return all
	}
	if s := (*Stopped)(nil); errors.As(err, &s) {
		return []*Stopped{s}
	}
	return nil
}

// trouble is why calls wait, nil while none does.
func (p *pauses) trouble() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.prune()
	var newest pause
	for _, x := range p.by {
		var s *Stopped
		if errors.As(x.err, &s) && !x.seen.Before(newest.seen) {
			newest = x
		}
	}
	return newest.err
}

// prune forgets partitions that belong to another process by now.
func (p *pauses) prune() {
	for partition, x := range p.by {
		if p.now().Sub(x.seen) > forgetPause {
			delete(p.by, partition)
		}
	}
}

func reasonOf(err error) string {
	if s := (*Stopped)(nil); errors.As(err, &s) {
		return s.Reason
	}
	return reasonInternal
}

// reasonInternal is the reason of a pause that is not Salesforce's.
const reasonInternal = "internal"

// pauseReasons are all of them: the classes that stop a turn, and our own.
func pauseReasons() []string {
	reasons := []string{reasonInternal}
	for _, c := range bySeverity {
		if c.stops() {
			reasons = append(reasons, string(c))
		}
	}
	return reasons
}

// Trouble is why calls wait for Salesforce, or would wait if there were any, a
// [*Stopped]; nil while none does. It is for readiness.
func (s *Sink) Trouble() error { return s.pauses.trouble() }
