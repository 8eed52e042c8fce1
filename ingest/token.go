package ingest

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"

	"github.com/tidwall/gjson"
)

// tokens are the webhook tokens that are accepted. Several are, so that a
// token can be rotated and several webhooks can share the endpoint.
type tokens struct {
	plain  [][]byte
	hashes [][sha256.Size]byte
}

func newTokens(accepted []string) (tokens, error) {
	var t tokens
	if len(accepted) == 0 {
		return t, errors.New("no webhook token is configured: set ingest.tokens or ingest.tokens_file")
	}
	for _, token := range accepted {
		if token == "" {
			return t, errors.New("an empty webhook token is configured: remove it from ingest.tokens")
		}
		t.plain = append(t.plain, []byte(token))
		t.hashes = append(t.hashes, sha256.Sum256([]byte(token)))
	}
	return t, nil
}

// match reports whether a token is accepted. Hashes of equal length are
// compared in constant time, and always with all of them, so the time taken
// tells neither how much of a token was right nor which one.
func (t tokens) match(token string) bool {
	hash := sha256.Sum256([]byte(token))
	found := 0
	for i := range t.hashes {
		found |= subtle.ConstantTimeCompare(hash[:], t.hashes[i][:])
	}
	return found == 1
}

// authorize reports whether a body carries a token, and only accepted ones.
func (t tokens) authorize(e envelope, body []byte) bool {
	ok := false
	for _, m := range e.members {
		if !m.isToken() {
			continue
		}
		value := gjson.ParseBytes(body[m.value:m.end])
		if value.Type != gjson.String || !t.match(value.Str) {
			return false
		}
		ok = true
	}
	return ok
}

// redact replaces what is left of accepted tokens in a body that is broken or
// cut off. There the members are known only as far as the body could be
// understood, and a token must not pass because of a missing bracket.
func (t tokens) redact(body []byte) []byte {
	for _, token := range t.plain {
		body = bytes.ReplaceAll(body, token, []byte("REDACTED"))
	}
	return body
}
