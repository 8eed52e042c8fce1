package traffic

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"time"
)

// mediaPath is the part of a recording's or voicemail's link that stays.
func mediaPath(rng *rand.Rand, callID int64, what string) string {
	return fmt.Sprintf("https://production-web.s3.us-west-2.amazonaws.example/companies/%d/recordings/call-%d-%s-%s.mp3",
		companyID, callID, randomHex(rng, 16), what)
}

// queryMark is how the query of every signed link begins.
const queryMark = "?X-Amz-Algorithm="

// signature is the query of a media link as S3 signs it at a moment: good for ten minutes.
func signature(rng *rand.Rand, at time.Time) string {
	return queryMark + "AWS4-HMAC-SHA256&X-Amz-Credential=SAMPLE%2F" + at.Format("20060102") +
		"%2Fus-west-2%2Fs3%2Faws4_request&X-Amz-Date=" + at.Format("20060102T150405Z") +
		"&X-Amz-Expires=600&X-Amz-SignedHeaders=host&X-Amz-Security-Token=" + randomHex(rng, 300) +
		"&X-Amz-Signature=" + randomHex(rng, 32)
}

// resign returns a copy of a body with all its media links signed anew, as when
// Aircall builds the request again for a further try.
func resign(rng *rand.Rand, b []byte, at time.Time) []byte {
	out := make([]byte, 0, len(b))
	for {
		before, rest, found := bytes.Cut(b, []byte(queryMark))
		out = append(out, before...)
		if !found {
			return out
		}
		out = append(out, signature(rng, at)...)
		b = rest[bytes.IndexByte(rest, '"'):] // a link is a whole JSON string
	}
}

// randomHex returns n random bytes in hexadecimal; n is a multiple of four.
func randomHex(rng *rand.Rand, n int) string {
	b := make([]byte, 0, n)
	for len(b) < n {
		b = binary.LittleEndian.AppendUint32(b, rng.Uint32())
	}
	return hex.EncodeToString(b)
}
