package schemas

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
)

// Key says when something became known: it is the place of an event in the
// total order of a call's events. Aircall sends neither event ids nor sequence
// numbers, and ties within one second are normal, so the order is made of the
// body's timestamp, the event's rank in a call's life, the length of the tag
// list, and finally a hash of the content.
//
// The zero Key means "never"; it is before every other.
type Key struct {
	// Time is the body's timestamp in UNIX seconds: when Aircall built it.
	Time int64
	// Rank is the event's place in a call's life, see [RankOf].
	Rank Rank
	// Tie orders tag events of one second: the length of the tag list for
	// call.tagged (the longer list is the later), its negative for
	// call.untagged (the shorter list is the later), 0 for all others.
	Tie int32
	// Hash is the xxHash64 of the body's data without signed links.
	// It only has to be the same for the same content: where two contents
	// collide, the value's bytes decide.
	Hash [8]byte
}

// Compare orders keys from the earliest to the latest.
func (k Key) Compare(o Key) int {
	// One after the other, not by cmp.Or, which would compare all of them: most
	// keys differ in their time, or are the same.
	if c := cmp.Compare(k.Time, o.Time); c != 0 {
		return c
	}
	if c := cmp.Compare(k.Rank, o.Rank); c != 0 {
		return c
	}
	if c := cmp.Compare(k.Tie, o.Tie); c != 0 {
		return c
	}
	return bytes.Compare(k.Hash[:], o.Hash[:])
}

// IsZero reports whether k is the zero Key, "never".
func (k Key) IsZero() bool { return k == Key{} }

// AppendText implements [encoding.TextAppender]: "TIME.RANK.TIE.HASH", the hash
// in unpadded URL base64.
func (k Key) AppendText(b []byte) ([]byte, error) {
	b = strconv.AppendInt(b, k.Time, 10)
	b = append(b, '.')
	b = strconv.AppendInt(b, int64(k.Rank), 10)
	b = append(b, '.')
	b = strconv.AppendInt(b, int64(k.Tie), 10)
	b = append(b, '.')
	return base64.RawURLEncoding.AppendEncode(b, k.Hash[:]), nil
}

// MarshalText implements [encoding.TextMarshaler], see [Key.AppendText].
func (k Key) MarshalText() ([]byte, error) { return k.AppendText(nil) }

// String returns the text form.
func (k Key) String() string {
	b, _ := k.AppendText(nil)
	return string(b)
}

var errKey = errors.New("not a key of the form TIME.RANK.TIE.HASH")

// UnmarshalText implements [encoding.TextUnmarshaler].
func (k *Key) UnmarshalText(b []byte) error {
	part := strings.Split(string(b), ".")
	if len(part) != 4 {
		return errKey
	}
	t, err1 := strconv.ParseInt(part[0], 10, 64)
	rank, err2 := strconv.ParseInt(part[1], 10, 8)
	tie, err3 := strconv.ParseInt(part[2], 10, 32)
	hash, err4 := strictBase64.DecodeString(part[3])
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil || len(hash) != len(k.Hash) {
		return errKey
	}
	k.Time, k.Rank, k.Tie = t, Rank(rank), int32(tie)
	copy(k.Hash[:], hash)
	return nil
}

var strictBase64 = base64.RawURLEncoding.Strict()

// keyHashLen is the length of a key's hash in its text form.
const keyHashLen = 11

// readHash sets the hash from its text form, and reports whether it is one.
func (k *Key) readHash(b []byte) bool {
	if len(b) != keyHashLen {
		return false
	}
	n, err := strictBase64.Decode(k.Hash[:], b)
	return err == nil && n == len(k.Hash)
}
