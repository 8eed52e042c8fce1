package stream

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// lags knows how far each partition of this process is behind its input, and since
// when its table is being restored. It
// reports that whenever metrics are gathered, so that the age of what waits grows
// also while nothing happens.
type lags struct {
	now func() time.Time

	records, seconds, lso, restore *prometheus.Desc

	mu         sync.Mutex
	partitions map[int32]*lag
	vain       map[int32]vain
}

// lag is how far one partition is behind.
type lag struct {
	ownership uint64 // of the task

	next   int64     // the input offset that is handled next
	end    int64     // the input's high watermark, as far as it is known
	open   int64     // how far its last stable offset was behind that, when it was asked for
	stable int64     // the last stable offset
	asked  time.Time // when, by the monotonic clock
	oldest time.Time // since when next waits, as far as it is known; zero while nothing does

	restoring time.Time // since when its table is being restored; zero once it is there

	missed      int // polls in a row that brought nothing of what waits, see starving
	missedSince time.Time
}

func newLags(reg prometheus.Registerer, now func() time.Time) *lags {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("callfold_"+name, help, []string{"partition"}, nil)
	}
	l := &lags{
		now: now, partitions: map[int32]*lag{}, vain: map[int32]vain{},
		records: desc("lag_records", "Input offsets between what is handled and committed, and the end of the log: 0 at rest. Right also during a restore and while the handler fails, within 10 s."),
		seconds: desc("lag_seconds", "Age of the oldest input record that was read and not handled yet; where nothing could be read, for how long there is known to be something; else 0. It grows until something is done."),
		lso:     desc("lso_lag_records", "Input offsets behind a transaction of the producer that is still open (high watermark - last stable offset), asked for every 10 s. A producer at work shows now and then; one that hangs stays."),
		restore: desc("restore_seconds", "For how long the partition has been waiting for its table to be restored; 0 once its input is handled."),
	}
	reg.MustRegister(l)
	return l
}

// Describe tells the metrics; it makes lags a prometheus.Collector.
func (l *lags) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{l.records, l.seconds, l.lso, l.restore} {
		to <- d
	}
}

// Collect gives the metrics as they are now.
func (l *lags) Collect(to chan<- prometheus.Metric) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p, g := range l.partitions {
		gauge := func(d *prometheus.Desc, value float64) {
			to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, strconv.Itoa(int(p)))
		}
		gauge(l.records, float64(max(0, g.end-g.next)))
		gauge(l.seconds, l.since(g.oldest))
		gauge(l.lso, float64(g.open))
		gauge(l.restore, l.since(g.restoring))
	}
}

// since is how many seconds ago t was; 0 where t is zero.
func (l *lags) since(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return max(0, l.now().Sub(t).Seconds())
}

// begin is called when a partition was given to this process, with the offset at
// which the group goes on. Its table is restored first.
func (l *lags) begin(t *task, next int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partitions[t.partition] = &lag{ownership: t.ownership, next: next, end: next, restoring: l.now()}
}

// restored is called when the partition's table is there.
func (l *lags) restored(t *task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g := l.partitions[t.partition]; g != nil && g.ownership == t.ownership {
		g.restoring = time.Time{}
	}
}

// forget is called when a partition was taken away, unless another lane of this
// process has begun with it already.
func (l *lags) forget(t *task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g := l.partitions[t.partition]; g != nil && g.ownership == t.ownership {
		delete(l.partitions, t.partition)
	}
}

// polled is called with what was read, and is not handled yet.
func (l *lags) polled(f kgo.FetchTopicPartition) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.partitions[f.Partition]
	if g == nil {
		return
	}
	g.oldest = f.Records[0].Timestamp
	g.end = max(g.end, f.HighWatermark, f.Records[len(f.Records)-1].Offset+1)
}

// handled is called when the input before next was handled and that was committed.
func (l *lags) handled(partition int32, next int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g := l.partitions[partition]; g != nil {
		g.next, g.oldest = next, time.Time{}
		g.wait(l.now())
	}
}

// listed is called with where the input begins and ends, as far as that is known.
func (l *lags) listed(starts, ends, stable kadm.ListedOffsets, topic string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p, g := range l.partitions {
		if o, ok := starts.Lookup(topic, p); ok && o.Err == nil {
			g.next = max(g.next, o.Offset) // what lay before is gone: the client goes on here
		}
		if o, ok := ends.Lookup(topic, p); ok && o.Err == nil {
			g.end = o.Offset
		}
		if o, ok := stable.Lookup(topic, p); ok && o.Err == nil {
			g.open, g.stable, g.asked = max(0, g.end-o.Offset), o.Offset, time.Now()
		}
		g.wait(l.now())
	}
}

// waiting is how much input of a partition is known to wait.
func (l *lags) waiting(partition int32) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g := l.partitions[partition]; g != nil {
		return max(0, g.end-g.next)
	}
	return 0
}

// wait notes since when something waits, or that nothing does.
func (g *lag) wait(now time.Time) {
	switch {
	case g.next >= g.end:
		g.oldest = time.Time{}
	case g.oldest.IsZero():
		g.oldest = now
	}
}

const (
	// askEndsEvery is how often the ends of the input are asked for, askEndsWithin how
	// long that may take, though the client does not break off a dial, which has 10 s.
	// So two looks in a row that failed are known within half a minute.
	askEndsEvery  = 10 * time.Second
	askEndsWithin = 8 * time.Second
)

// watchEnds asks for the ends of the input until ctx is done. What is polled tells
// them too, but not while partitions are being restored or a handler fails.
//
// It is also how a stage learns that the brokers are away while it has nothing to do:
// lanes hear nothing then, as they do from an idle topic, until their sessions have
// ended. One look that failed is no sign of that yet: the election of a leader may
// take as long, and a stage that is said to be away and there in turns helps nobody.
func (e *Engine[V]) watchEnds(ctx context.Context) error {
	// One partition without a leader must not use up the time of the others.
	cl, err := kgo.NewClient(append(e.opts.Client(), kgo.RetryTimeout(askEndsWithin/4))...)
	if err != nil {
		return fmt.Errorf("making a Kafka client: %w", err)
	}
	defer cl.Close()
	var failing error // why the last look failed
	var since time.Time
	for ctx.Err() == nil {
		began := time.Now()
		err := e.askEnds(ctx, kadm.NewClient(cl))
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil && failing != nil:
			e.opts.Logger.Info("the lag is measured again", "after", time.Since(since).Round(time.Second))
		case err != nil && failing == nil:
			since = began
			e.opts.Logger.Warn("the lag could not be measured", "cause", err)
		}
		if err == nil || failing != nil {
			e.opts.Health(e.opts.Name+"-kafka", err)
		}
		failing = err
		pause(ctx, askEndsEvery-time.Since(began))
	}
	return nil
}

func (e *Engine[V]) askEnds(ctx context.Context, adm *kadm.Client) error {
	ctx, cancel := context.WithTimeout(ctx, askEndsWithin)
	defer cancel()
	// In this order: what is appended in between must not look like an open transaction.
	starts, noStarts := adm.ListStartOffsets(ctx, e.opts.Input)
	ends, noEnds := adm.ListEndOffsets(ctx, e.opts.Input)
	stable, noStable := adm.ListCommittedOffsets(ctx, e.opts.Input)
	e.lags.listed(starts, ends, stable, e.opts.Input) // also where others have no leader
	if err := cmp.Or(noStarts, starts.Error(), noEnds, ends.Error(), noStable, stable.Error()); err != nil {
		return fmt.Errorf("asking for the ends of %s: %w", e.opts.Input, err)
	}
	return nil
}
