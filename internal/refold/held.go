package refold

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/internal/table"
)

// Held is what a partition of a topic calls holds: of each state its digest, and where it
// is.
type Held struct {
	// NextInput is how much of events the states account for.
	NextInput int64

	table   *table.Table
	changes []table.Change
}

// NewHeld begins with an empty table, in which everything is after [Held.Flush].
func NewHeld(t *table.Table) *Held { return &Held{table: t} }

// Note takes account of a record, for what it says of events only where not wanted.
func (h *Held) Note(r *kgo.Record, wanted bool) error {
	h.NextInput = max(h.NextInput, stream.NextInput(r))
	if stream.IsMarker(r) || !wanted {
		return nil
	}
	change := table.Change{Key: string(r.Key)}
	if r.Value != nil {
		change.Value = placed(digest(r.Value), r.Offset)
	}
	if h.changes = append(h.changes, change); len(h.changes) < together {
		return nil
	}
	return h.Flush()
}

// Flush writes all of it to the table.
func (h *Held) Flush() error {
	err := h.table.Apply(h.changes, table.Checkpoint{})
	h.changes = h.changes[:0]
	return err
}

const digestBytes = 16

// digest tells values apart.
func digest(value []byte) []byte {
	sum := sha256.Sum256(value)
	return sum[:digestBytes]
}

// placed is a digest with the offset of the record.
func placed(digest []byte, offset int64) []byte {
	return binary.BigEndian.AppendUint64(digest, uint64(offset))
}

// Pair is what was folded of a call and what is held.
type Pair struct {
	Key string
	// Folded is the state that the events make; nil for none.
	Folded []byte
	// Held tells whether a state is held, Offset where it is.
	Held   bool
	Offset int64
	// Same tells whether the two are the same, byte for byte.
	Same bool
}

// Compare gives all calls of both, in the order of their keys.
func Compare(folded, held *table.Table, each func(Pair) error) error {
	return Beside(folded, held, func(key string, state, placed []byte) error {
		p := Pair{Key: key, Folded: state, Held: placed != nil}
		if p.Held {
			p.Offset = int64(binary.BigEndian.Uint64(placed[digestBytes:]))
			p.Same = state != nil && bytes.Equal(placed[:digestBytes], digest(state))
		}
		return each(p)
	})
}
