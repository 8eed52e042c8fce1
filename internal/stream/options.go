package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/table"
)

// MaxRecordBytes is the greatest record that is written (and the limit that
// topics are made with).
const MaxRecordBytes = 2 << 20

// Codec turns states into records and back.
type Codec[V any] interface {
	// Schema is the value of the header schema of what Encode writes.
	Schema() string
	Encode(V) ([]byte, error)
	// Decode reads a record with the given schema header. A schema newer than
	// this program knows is an error, and stops the partition.
	Decode(schema string, value []byte) (V, error)
}

// Handler is a stage's work.
type Handler[V any] interface {
	// Handle works on a batch by reading and changing the states of its
	// partitions. It is called by each lane, so by several goroutines at once,
	// but never with the same partition twice at a time. An error abandons the
	// whole batch: nothing of it is committed and it comes again.
	Handle(ctx context.Context, b *Batch[V]) error
}

// Options describe a stage to the engine.
type Options[V any] struct {
	// Name is the stage's name, for logs and the metric label stage.
	Name string
	// Client gives the options that say where and how to reach the brokers. Each
	// client that is made gets fresh ones: kgo.ProducerBatchCompression writes to
	// its own list when a client is made, and lanes make theirs at the same time.
	Client func() []kgo.Opt
	// Group is the consumer group.
	Group string
	// Instance is a name of this process that stays the same over restarts and
	// is unique within the group; lane l is member GROUP-INSTANCE-l. Such static
	// members do not leave the group when they stop, so a restart moves no
	// partition. One that is not to come back is missed after the session timeout;
	// its partitions wait until then.
	Instance string
	// TransactionalSuffix is appended to transactional ids. It is empty but for
	// the embedded broker, which after an unclean stop needs fresh ones.
	TransactionalSuffix string
	// Input is the topic to read, Changelog the compacted topic that holds the
	// states, Rejected the topic for records that cannot be used.
	Input, Changelog, Rejected string
	// CheckTopics looks at the topics before the stage begins, and now and then
	// while it runs; nil for no check beyond that they exist and have the same
	// number of partitions. A *TopicError ends a stage that has not begun; any
	// other error is waited for.
	CheckTopics func(context.Context, *kadm.Client) error
	// Codec is the form of the states.
	Codec Codec[V]
	// Timer says when a state wants to be looked at again without input; nil
	// when the stage has no timers.
	Timer func(V) (due time.Time, ok bool)
	// Handler does the work.
	Handler Handler[V]
	// StateDir is where the tables are kept; empty = in memory.
	StateDir string
	// Lanes is the number of group members that this process runs.
	Lanes int
	// BatchRecords bounds a batch. 500 to 2,000 is right for small records.
	BatchRecords int
	// Linger says after each turn how long the lane may leave input lying before
	// the next one, so that it becomes more; zero = at once, nil = never. Timers that
	// are due wait along. A lane that is behind, because more was there than
	// its batch could take, does not linger. Zero also ends the rests of other lanes.
	Linger func() time.Duration
	// HotStates is how many decoded states the process keeps in memory in front
	// of its tables, 0 for none. Large ones (over 16 KiB as a record) are not kept.
	HotStates int
	// GroupProtocol is [ClassicProtocol] (also if empty) or [ConsumerProtocol].
	GroupProtocol string
	// Timeouts of group membership and transactions.
	Timeouts Timeouts
	// Grace is how long a batch may go on after the stage was told to stop.
	Grace time.Duration
	// Health is told of each lane whether it works: nil, or what it waits for.
	Health func(component string, problem error)
	// Now is the clock of timers and metrics.
	Now        func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer

	stateFS vfs.FS // of tests: a disk that fails
}

// Group protocols.
const (
	ClassicProtocol = "classic"
	// ConsumerProtocol is KIP-848: the brokers assign the partitions. It is for
	// Apache Kafka 4.3 and later; with a cluster that does not know it the
	// classic protocol is used. Of the Timeouts only Rebalance and Transaction
	// apply: heartbeat and session are the cluster's settings
	// group.consumer.heartbeat.interval.ms and group.consumer.session.timeout.ms
	// (5 s and 45 s by default), so a process that is gone for good is noticed
	// after 45 s. One that comes back under its name has its partitions at once.
	ConsumerProtocol = "consumer"
)

// Timeouts of group membership and transactions. They must be in this order:
// heartbeat < rebalance < session < transaction. A member that waits for a
// rebalance longer than its session lasts is dropped, and a transaction that is
// shorter than either is fenced while the group only rebalances.
type Timeouts struct {
	Heartbeat, Rebalance, Session, Transaction time.Duration
}

// QuickTimeouts are for a stage whose batches take well under a second. A
// process that died is noticed after 6 s.
var QuickTimeouts = Timeouts{500 * time.Millisecond, 5 * time.Second, 6 * time.Second, 10 * time.Second}

// PatientTimeouts are for a stage whose batches wait for other systems for up to
// 30 s.
var PatientTimeouts = Timeouts{time.Second, 40 * time.Second, 45 * time.Second, 60 * time.Second}

func (o *Options[V]) validate() error {
	var errs []error
	for _, s := range []struct{ name, value string }{
		{"Name", o.Name}, {"Group", o.Group}, {"Instance", o.Instance},
		{"Input", o.Input}, {"Changelog", o.Changelog}, {"Rejected", o.Rejected},
	} {
		if s.value == "" {
			errs = append(errs, fmt.Errorf("stream: option %s is empty", s.name))
		}
	}
	if o.Lanes < 1 || o.BatchRecords < 1 {
		errs = append(errs, fmt.Errorf("stream: %d lanes and batches of %d records: both must be at least 1", o.Lanes, o.BatchRecords))
	}
	if p := o.GroupProtocol; p != "" && p != ClassicProtocol && p != ConsumerProtocol {
		errs = append(errs, fmt.Errorf("stream: group protocol %q: it must be %s or %s", p, ClassicProtocol, ConsumerProtocol))
	}
	if t := o.Timeouts; !(0 < t.Heartbeat && t.Heartbeat < t.Rebalance && t.Rebalance < t.Session && t.Session < t.Transaction) {
		errs = append(errs, fmt.Errorf("stream: timeouts %+v are not in the order heartbeat < rebalance < session < transaction", t))
	}
	return errors.Join(errs...)
}

func (o *Options[V]) openStore() (*table.Store, error) {
	return table.Open(table.Options{
		Dir: o.StateDir, Schema: o.Codec.Schema(), Timers: o.Timer != nil, Logger: o.Logger,
		Health: func(problem error) { o.Health(o.Name+"-state", problem) },
		FS:     o.stateFS,
	})
}
