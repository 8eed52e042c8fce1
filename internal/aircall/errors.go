package aircall

import (
	"errors"
	"fmt"
	"net/http"
)

// StatusError is an answer that is no success.
type StatusError struct{ Status int }

func (e *StatusError) Error() string {
	return fmt.Sprintf("Aircall answers HTTP %d %s", e.Status, http.StatusText(e.Status))
}

// passing reports whether the same request may succeed later.
func (e *StatusError) passing() bool { return e.Status >= http.StatusInternalServerError }

// Unauthorized reports whether err says that the API key is not accepted.
func Unauthorized(err error) bool {
	var e *StatusError
	return errors.As(err, &e) && (e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden)
}

// ErrUnknownCall means that Aircall does not know a call, or no longer.
var ErrUnknownCall = errors.New("the call is not known to Aircall")
