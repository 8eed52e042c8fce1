package table

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/go-json-experiment/json"
)

// Checkpoint says what a table holds.
type Checkpoint struct {
	// Offset is the changelog offset up to which (exclusive) it was applied.
	Offset int64 `json:"offset"`
	// NextInput is the offset of the next input record to handle, 0 if unknown.
	NextInput int64 `json:"next_input"`
	// TopicID is the incarnation of the changelog topic, in hexadecimal.
	TopicID string `json:"topic_id"`
	// SavedAt is when the checkpoint was written.
	SavedAt time.Time `json:"saved_at"`
}

// Change is a new value for a key.
type Change struct {
	Key string
	// Value is the new value; nil deletes the key.
	Value []byte
	// Due is when the key wants to be looked at again; the zero time is never.
	Due time.Time
}

// Table is the state of one partition. Its methods are for one goroutine at a
// time, but for Get and Saved: others may call them meanwhile, as long as the store
// is not closed.
//
// Keys in the store begin with the partition (4 bytes, big endian) and a kind:
//
//	m                    the checkpoint
//	v KEY                due time (8 bytes, milliseconds), then the value
//	t TIME(8 bytes) KEY  a timer
type Table struct {
	store      *Store
	partition  int32
	prefix     []byte
	checkpoint Checkpoint
}

const (
	kindMeta  = 'm'
	kindTimer = 't'
	kindValue = 'v'
)

// Checkpoint returns what the table holds; zero for an empty one.
func (t *Table) Checkpoint() Checkpoint { return t.checkpoint }

func (t *Table) key(kind byte, rest ...string) []byte {
	k := append(make([]byte, 0, 32), t.prefix...)
	k = append(k, kind)
	for _, r := range rest {
		k = append(k, r...)
	}
	return k
}

// Saved reads the checkpoint from the store: what Get gives from then on is as new, or
// newer.
func (t *Table) Saved() (c Checkpoint, err error) {
	v, closer, err := t.store.db.Get(t.key(kindMeta))
	if errors.Is(err, pebble.ErrNotFound) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("reading the checkpoint of partition %d: %w", t.partition, t.store.broken(err))
	}
	defer closer.Close()
	if err := json.Unmarshal(v, &c); err != nil {
		return c, fmt.Errorf("reading the checkpoint of partition %d: %w", t.partition, t.store.broken(fmt.Errorf("%w: %w", ErrDamaged, err)))
	}
	return c, nil
}

// Get returns a copy of the value of a key, and false where there is none.
func (t *Table) Get(key string) ([]byte, bool, error) {
	_, v, ok, err := t.get(key)
	return v, ok, err
}

func (t *Table) get(key string) (due uint64, value []byte, ok bool, err error) {
	v, closer, err := t.store.db.Get(t.key(kindValue, key))
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil, false, nil
	}
	if err != nil {
		return 0, nil, false, fmt.Errorf("reading from the state of partition %d: %w", t.partition, t.store.broken(err))
	}
	defer closer.Close()
	due, value, err = t.split(v)
	return due, append([]byte(nil), value...), err == nil, err
}

// split takes a stored value apart.
func (t *Table) split(v []byte) (due uint64, value []byte, err error) {
	if len(v) < 8 {
		return 0, nil, fmt.Errorf("reading from the state of partition %d: %w", t.partition, t.store.broken(fmt.Errorf("%w: a value is cut off", ErrDamaged)))
	}
	return binary.BigEndian.Uint64(v), v[8:], nil
}

// Apply makes changes and moves the checkpoint, both or neither.
func (t *Table) Apply(changes []Change, c Checkpoint) error {
	b := t.store.db.NewIndexedBatch()
	if !t.store.timers {
		b = t.store.db.NewBatch()
	}
	if err := t.fill(b, changes, c); err != nil {
		b.Close()
		return err
	}
	if err := t.store.commit(b); err != nil {
		return fmt.Errorf("changing the state of partition %d: %w", t.partition, err)
	}
	t.checkpoint = c
	return nil
}

func (t *Table) fill(b *pebble.Batch, changes []Change, c Checkpoint) error {
	for _, ch := range changes {
		if err := t.change(b, ch); err != nil {
			return err
		}
	}
	meta, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encoding a checkpoint: %w", err)
	}
	if err := b.Set(t.key(kindMeta), meta, nil); err != nil {
		return fmt.Errorf("changing the state of partition %d: %w", t.partition, err)
	}
	return nil
}

func (t *Table) change(b *pebble.Batch, ch Change) error {
	if t.store.timers {
		if err := t.dropTimer(b, ch.Key); err != nil {
			return err
		}
	}
	var err error
	if ch.Value == nil {
		err = b.Delete(t.key(kindValue, ch.Key), nil)
	} else {
		due := millis(ch.Due)
		op := b.SetDeferred(len(t.prefix)+1+len(ch.Key), 8+len(ch.Value))
		copy(op.Key, t.prefix)
		op.Key[len(t.prefix)] = kindValue
		copy(op.Key[len(t.prefix)+1:], ch.Key)
		binary.BigEndian.PutUint64(op.Value, due)
		copy(op.Value[8:], ch.Value)
		err = op.Finish()
		if due != 0 {
			err = errors.Join(err, b.Set(t.timerKey(due, ch.Key), nil, nil))
		}
	}
	if err != nil {
		return fmt.Errorf("changing the state of partition %d: %w", t.partition, err)
	}
	return nil
}

// dropTimer removes the timer of the value that is about to be replaced; it
// looks through the batch, since one batch may change a key twice.
func (t *Table) dropTimer(b *pebble.Batch, key string) error {
	v, closer, err := b.Get(t.key(kindValue, key))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading from the state of partition %d: %w", t.partition, t.store.broken(err))
	}
	defer closer.Close()
	due, _, err := t.split(v)
	if err != nil || due == 0 {
		return err
	}
	return b.Delete(t.timerKey(due, key), nil)
}

func (t *Table) timerKey(due uint64, key string) []byte {
	return t.key(kindTimer, string(binary.BigEndian.AppendUint64(nil, due)), key)
}

func millis(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(max(1, t.UnixMilli()))
}

// Due lists up to most keys whose time has come, the longest due first.
func (t *Table) Due(now time.Time, most int) (keys []string, err error) {
	it, err := t.store.db.NewIter(&pebble.IterOptions{LowerBound: t.key(kindTimer), UpperBound: t.timerKey(millis(now)+1, "")})
	if err != nil {
		return nil, fmt.Errorf("reading the timers of partition %d: %w", t.partition, err)
	}
	head := len(t.prefix) + 1 + 8
	for ok := it.First(); ok && len(keys) < most; ok = it.Next() {
		k := it.Key()
		if len(k) < head {
			return nil, errors.Join(t.store.broken(fmt.Errorf("%w: a timer is cut off", ErrDamaged)), it.Close())
		}
		keys = append(keys, string(k[head:]))
	}
	if err := it.Close(); err != nil {
		return nil, fmt.Errorf("reading the timers of partition %d: %w", t.partition, t.store.broken(err))
	}
	return keys, nil
}

// Each calls f for all keys in order, until it returns an error.
func (t *Table) Each(f func(key string, value []byte) error) error {
	it, err := t.store.db.NewIter(&pebble.IterOptions{LowerBound: t.key(kindValue), UpperBound: t.key(kindValue + 1)})
	if err != nil {
		return fmt.Errorf("reading the state of partition %d: %w", t.partition, err)
	}
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		var value []byte
		if _, value, err = t.split(it.Value()); err == nil {
			err = f(string(it.Key()[len(t.prefix)+1:]), value)
		}
	}
	return errors.Join(err, t.store.broken(it.Close()))
}

// Reset empties the table.
func (t *Table) Reset() error {
	from := append([]byte(nil), t.prefix...)
	to := binary.BigEndian.AppendUint32(nil, uint32(t.partition)+1)
	b := t.store.db.NewBatch()
	if err := b.DeleteRange(from, to, nil); err != nil {
		b.Close()
		return fmt.Errorf("emptying the state of partition %d: %w", t.partition, err)
	}
	if err := t.store.commit(b); err != nil {
		return fmt.Errorf("emptying the state of partition %d: %w", t.partition, err)
	}
	t.checkpoint = Checkpoint{}
	return nil
}

// Release ends the ownership. The table must not be used afterwards.
func (t *Table) Release() {
	t.store.mu.Lock()
	defer t.store.mu.Unlock()
	if lease, ok := t.store.leases[t.partition]; ok {
		delete(t.store.leases, t.partition)
		close(lease)
	}
}
