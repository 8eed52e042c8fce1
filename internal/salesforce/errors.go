package salesforce

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// Error is Salesforce's refusal of a whole request, or of a sign-in.
type Error struct {
	// Operation is what was asked for, such as "query"; a closed set.
	Operation string
	// Status is the HTTP status.
	Status int
	// Code is Salesforce's errorCode, at a sign-in OAuth's error, or HTTP_ and
	// the status where the answer has neither (a proxy's page, for example).
	Code string
	// Message is Salesforce's own, in the language of the integration user.
	Message string
	// Fields are the fields that the refusal is about, if it names any.
	Fields []string
	// RetryAfter is how long Salesforce asks to wait; 0 where it does not say.
	RetryAfter time.Duration
	// SignIn is true when the token endpoint refused.
	SignIn bool
}

// numbers are what may be phone numbers: Salesforce repeats parts of queries and
// values in its messages.
var numbers = regexp.MustCompile(`\+?\d[\d ().-]{4,}\d\d`)

// masked shows the last two digits of long numbers only.
func masked(message string) string {
	return numbers.ReplaceAllStringFunc(message, func(n string) string { return "…" + n[len(n)-2:] })
}

// Error implements error. Of long numbers in the message it shows the last two
// digits, so that it can be logged.
func (e *Error) Error() string {
	var b strings.Builder
	if e.SignIn {
		b.WriteString("signing in to Salesforce was refused: ")
	} else {
		fmt.Fprintf(&b, "Salesforce refused %s: ", e.Operation)
	}
	fmt.Fprintf(&b, "%s (HTTP %d)", e.Code, e.Status)
	if e.Message != "" {
		b.WriteString(": " + masked(e.Message))
	}
	if len(e.Fields) > 0 {
		b.WriteString(" [fields " + strings.Join(e.Fields, ", ") + "]")
	}
	return b.String()
}

// Unanswered says that no answer came: whether Salesforce did what was asked is
// unknown, and it may still do it later.
type Unanswered struct {
	// Operation is what was asked for, such as "query".
	Operation string
	// Err is the network's error, or the context's.
	Err error
}

// Error implements error.
func (e *Unanswered) Error() string {
	return fmt.Sprintf("no answer from Salesforce to %s: %v", e.Operation, e.Err)
}

// Unwrap gives the network's error.
func (e *Unanswered) Unwrap() error { return e.Err }

// errorOf reads the body of an answer that is no success. Salesforce has two
// shapes: [{errorCode, message, fields}] of the REST API, and
// {error, error_description} of the token endpoint.
func errorOf(operation string, status int, header http.Header, body []byte, now time.Time) *Error {
	e := &Error{
		Operation:  operation,
		Status:     status,
		Code:       "HTTP_" + strconv.Itoa(status),
		RetryAfter: retryAfter(header.Get("Retry-After"), now),
	}
	var rest []struct {
		ErrorCode string   `json:"errorCode"`
		Message   string   `json:"message"`
		Fields    []string `json:"fields"`
	}
	var oauth struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	switch {
	case json.Unmarshal(body, &rest) == nil && len(rest) > 0 && rest[0].ErrorCode != "":
		e.Code, e.Message, e.Fields = rest[0].ErrorCode, rest[0].Message, rest[0].Fields
	case json.Unmarshal(body, &oauth) == nil && oauth.Error != "":
		e.Code, e.Message = oauth.Error, oauth.Description
	}
	return e
}

// retryAfter reads the header Retry-After: seconds, or an HTTP date.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil && date.After(now) {
		return date.Sub(now)
	}
	return 0
}
