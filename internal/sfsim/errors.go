package sfsim

import (
	"fmt"
	"net/http"
)

// apiError is a fault of a whole request. It is answered as
// [{"message":…,"errorCode":…,"fields":[…]}] ("Status Codes and Error
// Responses", REST API Developer Guide).
type apiError struct {
	Message string   `json:"message"`
	Code    string   `json:"errorCode"`
	Fields  []string `json:"fields,omitzero"`
	status  int
	records []string // addresses of records, which are then all that is answered
}

func (e *apiError) Error() string { return e.Code + ": " + e.Message }

func fail(status int, code, format string, args ...any) *apiError {
	return &apiError{Message: fmt.Sprintf(format, args...), Code: code, status: status}
}

func badRequest(code, format string, args ...any) *apiError {
	return fail(http.StatusBadRequest, code, format, args...)
}

func notFound() *apiError {
	return fail(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
}

// rowError is why one record was refused: an element of "errors" in a result
// ("Error", SOAP API Developer Guide; "sObject Collections").
type rowError struct {
	StatusCode string    `json:"statusCode"`
	Message    string    `json:"message"`
	Fields     []string  `json:"fields"`
	whole      *apiError // a fault that has the whole request refused
	gone       bool      // the record itself does not exist (any more): 404 on a request for that record alone
}

func refuse(code string, fields []string, format string, args ...any) *rowError {
	if fields == nil {
		fields = []string{}
	}
	return &rowError{StatusCode: code, Message: fmt.Sprintf(format, args...), Fields: fields}
}

// asAPIErrors turns the faults of a record into those of a request that carries
// a single record.
func asAPIErrors(errs []*rowError) []*apiError {
	out := make([]*apiError, len(errs))
	for i, e := range errs {
		status := http.StatusBadRequest
		if e.gone {
			status = http.StatusNotFound
		}
		out[i] = &apiError{Message: e.Message, Code: e.StatusCode, Fields: e.Fields, status: status}
	}
	return out
}
