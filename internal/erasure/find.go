package erasure

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/command"
	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
)

// Call is a call that is to be erased, and where something of it is.
type Call struct {
	ID int64 `json:"call_id"`
	// ErasedBefore is when it was erased the last time; zero for never.
	ErasedBefore time.Time `json:"erased_before,omitzero"`
	// TaskID is its Task, where the sink knew one.
	TaskID string `json:"task_id,omitzero"`
	// Created is the record that was made for its number (M6). It is the org's, and
	// nothing erases it.
	Created *Created `json:"created,omitzero"`
}

// Created is a record of Salesforce.
type Created struct {
	Object string `json:"object"`
	ID     string `json:"id"`
}

// Erase is the command that erases the call. It has no hash of the state: that would
// be one of what is erased.
func (c Call) Erase() command.Command {
	after := int64(0)
	if !c.ErasedBefore.IsZero() {
		after = c.ErasedBefore.Unix()
	}
	return command.Command{Event: schemas.EventErase, CallID: c.ID, After: after}
}

// ByID finds calls by their ids, in the topic calls. Those that are not there are not
// found.
func ByID(ctx context.Context, client *kgo.Client, topic string, ids []int64, progress *partition.Progress) ([]Call, error) {
	return calls(newest[schemas.CallRecord]{codec: schemas.Calls, keys: keysOf(ids)}.read(ctx, client, topic, progress))
}

// ByNumber finds the calls that has reports, in the topic calls: all of it is read. An
// erased call has no number any more.
func ByNumber(ctx context.Context, client *kgo.Client, topic string, has func(schemas.CallRecord) bool, progress *partition.Progress) ([]Call, error) {
	return calls(newest[schemas.CallRecord]{codec: schemas.Calls, wants: has}.read(ctx, client, topic, progress))
}

// calls are those of states, ordered by their ids.
func calls(states map[string]schemas.CallRecord, err error) ([]Call, error) {
	list := make([]Call, 0, len(states))
	for _, s := range states {
		c := Call{ID: s.State.ID}
		if s.State.Erased.Known() {
			c.ErasedBefore = time.Unix(s.State.Erased.At.Time, 0).UTC()
		}
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b Call) int { return cmp.Compare(a.ID, b.ID) })
	return list, err
}

// Locate notes from the topic tasks where something of the calls is in Salesforce.
// After the erasure nothing knows it any more.
func Locate(ctx context.Context, client *kgo.Client, topic string, calls []Call, progress *partition.Progress) error {
	if len(calls) == 0 {
		return nil
	}
	ids := make([]int64, len(calls))
	for i, c := range calls {
		ids[i] = c.ID
	}
	outcomes := newest[schemas.Outcome]{codec: schemas.Outcomes, keys: keysOf(ids)}
	found, err := outcomes.read(ctx, client, topic, progress)
	if err != nil {
		return err
	}
	for i := range calls {
		o := found[strconv.FormatInt(calls[i].ID, 10)]
		calls[i].TaskID = o.TaskID
		if o.Match != nil && o.Match.Created {
			calls[i].Created = &Created{o.Match.Object, o.Match.ID}
		}
	}
	return nil
}

func keysOf(ids []int64) map[string]bool {
	keys := map[string]bool{}
	for _, id := range ids {
		keys[strconv.FormatInt(id, 10)] = true
	}
	return keys
}

// newest reads the newest values of a compacted topic: those of some keys, or those
// that are wanted.
type newest[V any] struct {
	codec schemas.Codec[V]
	keys  map[string]bool // nil: any
	wants func(V) bool    // nil: all
}

func (n newest[V]) read(ctx context.Context, client *kgo.Client, topic string, progress *partition.Progress) (map[string]V, error) {
	var mu sync.Mutex
	all := map[string]V{}
	keys := slices.Collect(maps.Keys(n.keys))
	err := partition.ReadAll(ctx, client, topic, keys, progress, func(number int32, read partition.Reading) error {
		found := map[string]V{}
		complete, err := read(func(records []*kgo.Record) error {
			for _, r := range records {
				if err := n.note(found, r); err != nil {
					return fmt.Errorf("reading %s, partition %d, offset %d: %w", topic, number, r.Offset, err)
				}
			}
			return nil
		})
		if err == nil && !complete {
			err = fmt.Errorf("a transaction that stays open hides the newest records of %s, partition %d: try again when it has ended", topic, number)
		}
		mu.Lock()
		defer mu.Unlock()
		maps.Copy(all, found)
		return err
	})
	return all, err
}

// note takes account of one record: a newer one takes the place of an older one also
// where it is not wanted itself.
func (n newest[V]) note(found map[string]V, r *kgo.Record) error {
	key := string(r.Key)
	if stream.IsMarker(r) || n.keys != nil && !n.keys[key] {
		return nil
	}
	if r.Value == nil {
		delete(found, key)
		return nil
	}
	value, err := n.codec.Decode(stream.Header(r, schemas.HeaderSchema), r.Value)
	switch {
	case err != nil:
		return err
	case n.wants == nil || n.wants(value):
		found[key] = value
	default:
		delete(found, key)
	}
	return nil
}
