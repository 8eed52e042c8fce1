package journal

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/cockroachdb/pebble/v2/record"
)

// The form of Pebble's log, as far as a tail must be judged by it: blocks of
// 32 KiB; in them chunks with a header of eleven bytes (checksum 4, length 2,
// kind 1, log number 4) that never straddle a block.
const (
	blockBytes  = 32 << 10
	headerBytes = 11
	fullChunk   = 5 // kinds of chunks: a whole record,
	firstChunk  = 6 // and those that another one follows
	middleChunk = 7
	// logNumber is that of every segment: files are never used again.
	logNumber = 1
)

// trailer is what a closed log ends with: an empty chunk of the next log number.
var trailer = []byte{0, 0, 0, 0, 0, 0, fullChunk, logNumber + 1, 0, 0, 0}

// onDisk is the size that a payload takes in a segment, at most.
func onDisk(payload []byte) int64 {
	n := int64(len(payload))
	return n + headerBytes*(2+n/(blockBytes-headerBytes))
}

// scan gives each payload in a segment's bytes, and tells whether there is
// something that was written in full and cannot be read. It goes on after such a
// place.
func scan(data []byte, each func(payload []byte)) (damaged bool) {
	for start := 0; start < len(data); {
		stopped := start + scanFrom(data[start:], each)
		block := min((stopped/blockBytes+1)*blockBytes, len(data))
		again, found := resume(data[:block], stopped)
		if !found && cutOff(data, stopped) {
			return damaged
		}
		damaged = true
		if found {
			scanFrom(data[again:block], each)
		}
		start = block
	}
	return damaged
}

// scanFrom gives each payload until it comes to the end or to something that it
// cannot read, and returns where that begins.
func scanFrom(data []byte, each func(payload []byte)) int {
	r := record.NewReader(bytes.NewReader(data), logNumber)
	for {
		at := int(r.Offset())
		chunks, err := r.Next()
		if err != nil {
			return at
		}
		payload, err := io.ReadAll(chunks)
		if err != nil {
			return at
		}
		each(payload)
	}
}

// resume looks for a record behind something unreadable, in the rest of its block.
func resume(block []byte, at int) (int, bool) {
	for at++; at+headerBytes < len(block); at++ {
		if kind := block[at+6]; kind != fullChunk || binary.LittleEndian.Uint32(block[at+7:]) != logNumber {
			continue
		}
		found := false
		scanFrom(block[at:], func([]byte) { found = true })
		if found {
			return at, true
		}
	}
	return 0, false
}

// cutOff reports whether what begins at the offset is how a log ends: nothing,
// the trailer of a closed one, zeros, or a record whose rest is missing. In a log
// that has its trailer nothing is missing.
func cutOff(data []byte, at int) bool {
	closed := bytes.HasSuffix(data, trailer)
	for {
		if blockBytes-at%blockBytes < headerBytes {
			at = (at/blockBytes + 1) * blockBytes // no header fits in there
		}
		switch {
		case len(data)-at <= headerBytes:
			return true
		case closed:
			return false
		case len(bytes.TrimLeft(data[at:], "\x00")) == 0:
			return true
		}
		end := at + headerBytes + int(binary.LittleEndian.Uint16(data[at+4:]))
		switch kind := data[at+6]; {
		case end > (at/blockBytes+1)*blockBytes:
			return false // no chunk is that long
		case end > len(data):
			return true
		case kind != firstChunk && kind != middleChunk:
			return false
		}
		at = end
	}
}
