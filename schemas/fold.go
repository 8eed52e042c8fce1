package schemas

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Of is the state of a call of which nothing is known but e.
func Of(e Event) Call { return Join(Call{}, e.call) }

// Fold folds one event, which came at that offset, into a call's record; the
// zero CallRecord is that of a call of which nothing is known. It never fails,
// and it changes neither r nor e. The result shares lists with both, so nobody
// may change what is in the lists of a record.
//
// The result's State.Newest tells whether the event was the newest so far: it
// then equals e.Key, unless the call is erased.
func Fold(r CallRecord, e Event, offset int64) CallRecord {
	r.State.join(&e.call)
	r.Trace = r.Trace.Add(e, offset)
	return r
}

// Encode writes a state alone, without its trace, as JSON in its canonical
// encoding: equal states give equal bytes. It is what [Call.Hash] is the hash of.
func (c Call) Encode() ([]byte, error) {
	if b, ok := appendCall(nil, &c); ok {
		return b, nil
	}
	b, err := encode(c)
	if err != nil {
		return nil, fmt.Errorf("encoding the state of a call: %w", err)
	}
	return b, nil
}

// Hash identifies a state: the head of the SHA-256 of its canonical encoding,
// 32 hexadecimal digits. Outcomes and commands carry it as state_hash.
func (c Call) Hash() string {
	b, err := c.Encode()
	if err != nil {
		// Only fields of a newer binary that are no JSON could bring this
		// about, and those cannot come out of a decoder.
		panic(err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}
