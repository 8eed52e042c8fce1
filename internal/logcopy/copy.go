package logcopy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/eventlog"
	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/schemas"
)

// transactionTimeout bounds a transaction, which has the records of one fetch.
const transactionTimeout = 60 * time.Second

// Options say what is to be copied.
type Options struct {
	// Client reads both topics.
	Client *kgo.Client
	// Open makes the client that writes, with the options given besides those of all
	// producers.
	Open func(...kgo.Opt) (*kgo.Client, error)
	// From and To are the names of the topics. Both exist. Where they have as many
	// partitions each record stays in its own; else it goes where its key belongs.
	From, To string
	// WithoutErased leaves out the events of calls that were erased.
	WithoutErased bool
	// Progress is kept up to date, in offsets.
	Progress *partition.Progress
}

// Receipt says what was copied. It has nothing of the calls but their ids.
type Receipt struct {
	From string `json:"from"`
	To   string `json:"to"`
	// Resumed says that an earlier copy was gone on with; the counts are of this one.
	Resumed bool `json:"resumed"`
	// Copied and LeftOut count records.
	Copied  int64 `json:"copied"`
	LeftOut int64 `json:"left_out"`
	// Calls are those of which something was left out.
	Calls []int64 `json:"calls"`
	// Late are calls that are erased, and of which To has events: they were copied before
	// the erasure, or came there by another way.
	Late []int64 `json:"late"`
}

// ForeignError says that the topic to copy to holds something else.
type ForeignError struct{ Topic, Source string }

func (e *ForeignError) Error() string {
	return fmt.Sprintf("the topic %s is not empty, and no copy of %s as it is now: name a new prefix, or delete the topic if nobody needs it", e.Topic, e.Source)
}

// Copy copies what the source holds as it is at the beginning. With an error the receipt
// tells what was done until then, and another Copy goes on from there. A [*ForeignError]
// says that nothing was done.
func Copy(ctx context.Context, o Options) (Receipt, error) {
	c := &copying{Options: o, erased: map[string]bool{}, left: map[string]bool{}, late: map[string]bool{}}
	err := c.run(ctx)
	return Receipt{
		From: o.From, To: o.To, Resumed: c.resumed, Copied: c.copied, LeftOut: c.leftOut, Calls: ids(c.left), Late: ids(c.late),
	}, err
}

// copying is a copy at work.
type copying struct {
	Options
	source []*partition.Partition
	// target is the topic To, which has targets partitions.
	target  *partition.Topics
	targets int
	// name tells the source apart: the topic and its incarnation.
	name string
	// next is from where to go on in each partition.
	next []int64
	// erased, left and late are keys of calls.
	erased, left, late map[string]bool
	copied, leftOut    int64
	resumed            bool
}

func (c *copying) run(ctx context.Context) error {
	writer, err := c.Open(kgo.TransactionalID(c.To+"-copy"), kgo.TransactionTimeout(transactionTimeout), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return err
	}
	defer writer.Close()
	// From here on no other copy writes: so what is there can be looked at.
	if _, _, err := writer.ProducerID(ctx); err != nil {
		return fmt.Errorf("beginning to write to %s: %w", c.To, err)
	}
	if err := c.lookUp(ctx); err != nil {
		return err
	}
	if c.WithoutErased {
		for _, p := range c.source {
			if err := c.read(ctx, p, c.note); err != nil {
				return err
			}
		}
	}
	if err := c.goOn(ctx); err != nil {
		return err
	}
	for number, p := range c.source {
		if err := c.partition(ctx, writer, p.From(c.next[number])); err != nil {
			return fmt.Errorf("copying partition %d: %w", number, err)
		}
	}
	return nil
}

// lookUp finds the partitions of the source.
func (c *copying) lookUp(ctx context.Context) error {
	found, err := partition.Lookup(ctx, c.Client, c.From, c.To)
	if err != nil {
		return err
	}
	count, err := found.Count(c.From)
	if err != nil {
		return err
	}
	if c.targets, err = found.Count(c.To); err != nil {
		return err
	}
	for number := range int32(count) {
		p, err := found.Partition(c.From, number)
		if err != nil {
			return err
		}
		c.source = append(c.source, p)
		c.Progress.Total.Add(p.Len())
		if c.WithoutErased {
			c.Progress.Total.Add(p.Len()) // it is read twice
		}
	}
	c.name = fmt.Sprintf("%s/%s", c.From, c.source[0].TopicID())
	c.next = make([]int64, count)
	return nil
}

// read reads a partition to its end.
func (c *copying) read(ctx context.Context, p *partition.Partition, each func(*kgo.Record) error) error {
	return c.fetch(ctx, p, func(records []*kgo.Record) error {
		for _, r := range records {
			if err := each(r); err != nil {
				return err
			}
		}
		return nil
	})
}

// fetch reads a partition to its end, fetch by fetch.
func (c *copying) fetch(ctx context.Context, p *partition.Partition, each func([]*kgo.Record) error) error {
	complete, err := p.Read(ctx, func(records []*kgo.Record, offsets int64) error {
		c.Progress.Done.Add(offsets)
		return each(slices.DeleteFunc(records, func(r *kgo.Record) bool { return r.Offset >= p.End() }))
	})
	if err == nil && !complete {
		err = errors.New("a transaction that stays open hides the newest records of a partition: try again when it has ended")
	}
	return err
}

// note remembers an erasure. What this version cannot read may be one, too.
func (c *copying) note(r *kgo.Record) error {
	switch event, err := eventlog.Read(r); {
	case errors.Is(err, schemas.ErrNewerSchema):
		return fmt.Errorf("%s, partition %d, offset %d: %w", r.Topic, r.Partition, r.Offset, err)
	case err == nil && event.Name == schemas.EventErase:
		c.erased[string(r.Key)] = true
	}
	return nil
}

// isErasure tells whether a record erases its call when it is folded.
func isErasure(r *kgo.Record) bool {
	event, err := eventlog.Read(r)
	return err == nil && event.Name == schemas.EventErase
}

// ofErased is the key of the erased call that a record is about; empty for none. One
// under a wrong key is never folded, and is about the call in its body all the same.
func (c *copying) ofErased(r *kgo.Record) string {
	if len(c.erased) == 0 {
		return ""
	}
	if c.erased[string(r.Key)] {
		return string(r.Key)
	}
	if event, err := schemas.ParseEvent(r.Value); err == nil {
		if key := strconv.FormatInt(event.CallID, 10); c.erased[key] {
			return key
		}
	}
	return ""
}

// goOn finds from where to go on, by the marks in the topic to copy to.
func (c *copying) goOn(ctx context.Context) error {
	var err error
	if c.target, err = partition.Lookup(ctx, c.Client, c.To); err != nil {
		return err
	}
	foreign, records := false, false
	for number := range int32(c.targets) {
		p, err := c.target.Partition(c.To, number)
		if err != nil {
			return err
		}
		c.Progress.Total.Add(p.Len())
		if err := c.read(ctx, p, func(r *kgo.Record) error {
			records = true
			if source, number, next := marked(r); source == c.name && int(number) < len(c.next) {
				c.resumed, c.next[number] = true, max(c.next[number], next)
			} else if source != "" {
				foreign = true
			}
			if key := c.ofErased(r); key != "" && !isErasure(r) {
				c.late[key] = true
			}
			return nil
		}); err != nil {
			return err
		}
	}
	for number, p := range c.source {
		c.Progress.Done.Add(p.Len() - p.From(c.next[number]).Len())
	}
	if foreign || records && !c.resumed {
		clear(c.late)
		return &ForeignError{Topic: c.To, Source: c.From}
	}
	return nil
}

// partition copies a partition: the records of a fetch are a transaction.
func (c *copying) partition(ctx context.Context, writer *kgo.Client, p *partition.Partition) error {
	return c.fetch(ctx, p, func(records []*kgo.Record) error {
		var kept []*kgo.Record
		left := map[string]bool{}
		out := int64(0)
		for _, r := range records {
			if key := c.ofErased(r); key != "" && !isErasure(r) {
				left[key] = true
				out++
				continue
			}
			number, err := c.numberOf(r)
			if err != nil {
				return err
			}
			kept = append(kept, &kgo.Record{
				Topic: c.To, Partition: number, Key: r.Key, Value: r.Value, Headers: unmarked(r.Headers), Timestamp: r.Timestamp,
			})
		}
		if len(kept) > 0 {
			last := kept[len(kept)-1]
			last.Headers = append(last.Headers, mark(c.name, records[0].Partition, records[len(records)-1].Offset+1))
			if err := write(ctx, writer, kept); err != nil {
				return err
			}
		}
		c.copied += int64(len(kept))
		c.leftOut += out
		maps.Copy(c.left, left)
		return nil
	})
}

// numberOf is the partition of the copy that a record goes to. All of a call is in one
// partition of the source, and so its events stay in order.
func (c *copying) numberOf(r *kgo.Record) (int32, error) {
	if c.targets == len(c.source) {
		return r.Partition, nil
	}
	return c.target.NumberOf(c.To, string(r.Key))
}

// write writes records in a transaction of their own.
func write(ctx context.Context, writer *kgo.Client, records []*kgo.Record) error {
	if err := writer.BeginTransaction(); err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	err := writer.ProduceSync(ctx, records...).FirstErr()
	if err != nil {
		err = fmt.Errorf("writing events: %w", err)
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), transactionTimeout)
	defer cancel()
	if ended := writer.EndTransaction(ending, kgo.TransactionEndTry(err == nil)); ended != nil {
		err = errors.Join(err, fmt.Errorf("ending a transaction: %w", ended))
	}
	return err
}

// ids are keys as call ids, in order.
func ids(keys map[string]bool) []int64 {
	list := []int64{}
	for key := range keys {
		if id, err := strconv.ParseInt(key, 10, 64); err == nil { // erasures have no other keys
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return list
}
