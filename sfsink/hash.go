package sfsink

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/callfold/callfold/projector"
)

// hashesOf are the hashes of the values wanted, by API name: of what a change
// is judged by, which for links has no signatures (F11), in the form in which
// Salesforce gives it back. Null has a hash of its own.
func hashesOf(t projector.Task) map[string]string {
	hashes := make(map[string]string, len(t.Fields))
	for _, f := range t.Fields {
		hashes[f.Name] = hash(canonical(f.Compare))
	}
	return hashes
}

// combined is one hash of all fields; empty for none.
func combined(hashes map[string]string) string {
	if len(hashes) == 0 {
		return ""
	}
	return hash(hashes)
}

// hash is 64 bits of a value's SHA-256 in base64: enough to tell two values of
// one field apart.
func hash(v any) string {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		// Values are strings, numbers, booleans and nil; a text that is no
		// UTF-8 is the only one that has no JSON.
		b = fmt.Appendf(nil, "%q", v)
	}
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:8])
}
