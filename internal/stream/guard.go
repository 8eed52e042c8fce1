package stream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/callfold/callfold/internal/table"
)

// MismatchError says that a changelog and the group's offset were not committed
// together.
type MismatchError struct {
	// NextInput is the offset that the restored states account for; Group is
	// where the group would go on.
	NextInput, Group int64
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("the states account for the input before offset %d, the group goes on at %d", e.NextInput, e.Group)
}

// guard compares what a restored table accounts for with where the group would
// go on. They are committed together, so they are equal, unless something is
// broken, or an operator moved the group's offset. The first result tells; the
// second is an error of asking.
func (l *lane[V]) guard(ctx context.Context, cl *kgo.Client, t *task) (*MismatchError, error) {
	group, err := l.groupOffset(ctx, cl, t.partition)
	if err != nil {
		return nil, err
	}
	next := t.table.Checkpoint().NextInput
	// A group without an offset begins at the start of the log: all of it is
	// handled (again), which is right whatever the table holds.
	if group < 0 || group == next {
		return nil, behind(t.table, max(0, group))
	}
	return &MismatchError{NextInput: next, Group: group}, nil
}

// behind notes that input is handled again from an offset on, though the table accounts
// for more. A turn of timers alone commits what the table accounts for ([lane.fence]), and
// must not move the group over that input.
func behind(tab *table.Table, offset int64) error {
	c := tab.Checkpoint()
	if c.NextInput <= offset {
		return nil
	}
	c.NextInput = offset
	return tab.Apply(nil, c)
}

// mend decides about a difference that is still there after a restore from
// nothing, such that no input is left out: nil is to go on, and the mismatch
// itself is to go back first ([lane.goBack]). Handling input again is harmless,
// since folding an event twice changes nothing; leaving input out is not.
func (l *lane[V]) mend(t *task, m *MismatchError) error {
	if m.Group < m.NextInput {
		l.log.Warn("the group's offset was moved back; handling that input again", "partition", t.partition, "mismatch", m)
		return behind(t.table, m.Group)
	}
	l.log.Error("input was consumed whose states are missing; going back to it", "partition", t.partition, "mismatch", m)
	return m
}

// wantBack notes that a partition has to go back, unless it was taken away.
func (l *lane[V]) wantBack(t *task, m *MismatchError) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tasks[t.partition] == t {
		l.back[t.partition] = kgo.EpochOffset{Epoch: -1, Offset: m.NextInput}
	}
}

// errWentBack ends a session whose group offset was corrected: a new one begins
// with the right offset.
var errWentBack = errors.New("the group's offset was moved back to input whose states were missing")

// goBack moves the group back where a restore wants it, and then returns
// [errWentBack]. It is called between two turns, and nothing is committed
// between it and the end of the session: a transaction of this session would
// commit the old position again.
func (l *lane[V]) goBack(ctx context.Context) error {
	l.mu.Lock()
	back := maps.Clone(l.back)
	l.mu.Unlock()
	if len(back) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.opts.Timeouts.Session)
	defer cancel()
	var refused error
	l.session.Client().CommitOffsetsSync(ctx, map[string]map[int32]kgo.EpochOffset{l.opts.Input: back},
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
			if refused = err; err != nil {
				return
			}
			for _, topic := range resp.Topics {
				for _, p := range topic.Partitions {
					refused = errors.Join(refused, kerr.ErrorForCode(p.ErrorCode))
				}
			}
		})
	if refused != nil {
		return fmt.Errorf("correcting the group's offset: %w", refused)
	}
	return errWentBack
}

// groupOffset asks where the group goes on; -1 when it never committed. It
// waits while a transaction that moves the offset is open.
func (l *lane[V]) groupOffset(ctx context.Context, cl *kgo.Client, partition int32) (int64, error) {
	for {
		offset, err := l.askGroupOffset(ctx, cl, partition)
		if !errors.Is(err, kerr.UnstableOffsetCommit) {
			return offset, err
		}
		if !pause(ctx, 100*time.Millisecond) {
			return 0, ctx.Err()
		}
	}
}

func (l *lane[V]) askGroupOffset(ctx context.Context, cl *kgo.Client, partition int32) (int64, error) {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.RequireStable = true
	topic := kmsg.NewOffsetFetchRequestGroupTopic()
	topic.Topic, topic.Partitions = l.opts.Input, []int32{partition}
	group := kmsg.NewOffsetFetchRequestGroup()
	group.Group, group.Topics = l.opts.Group, append(group.Topics, topic)
	req.Groups = append(req.Groups, group)
	resp, err := req.RequestWith(ctx, cl)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return 0, fmt.Errorf("asking for the group's offset: %w", err)
	}
	for _, g := range resp.Groups {
		if g.ErrorCode == kerr.GroupIDNotFound.Code {
			return -1, nil
		}
		if err := kerr.ErrorForCode(g.ErrorCode); err != nil {
			return 0, fmt.Errorf("asking for the group's offset: %w", err)
		}
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return 0, fmt.Errorf("asking for the group's offset: %w", err)
				}
				return p.Offset, nil
			}
		}
	}
	return -1, nil
}
