package sfsink

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/schemas"
)

// Stopped is why a turn was given up: something that concerns every call, so
// that no call is rejected for it. The same calls come again.
type Stopped struct {
	// Reason is the class of the error: sign_in, config, org, throttle or outage.
	Reason string
	// Fix says what to mend.
	Fix string
	// Err is what happened.
	Err error
}

// Error implements error.
func (s *Stopped) Error() string {
	text := fmt.Sprintf("writing to Salesforce is stopped (%s): %v", s.Reason, s.Err)
	if s.Fix != "" {
		text += ". What to do: " + s.Fix
	}
	return text
}

// Unwrap gives the error that stopped the sink.
func (s *Stopped) Unwrap() error { return s.Err }

// problem is a classified error of a request or of a row.
type problem struct {
	class class
	error schemas.OutcomeError
	// retryAfter is how long Salesforce asks to wait, 0 where it does not say.
	retryAfter time.Duration
	// cause is the error itself, where the whole request failed.
	cause error
}

func (p *problem) stopped() error {
	err := p.cause
	if err == nil {
		err = &salesforce.Error{Operation: "a row", Status: http.StatusOK, Code: p.error.Code, Message: p.error.Message, Fields: p.error.Fields}
	}
	var refusal *salesforce.Error
	if p.class == classPoison && errors.As(err, &refusal) {
		told := *refusal
		told.Message = withoutValue(told.Message)
		err = &told
	}
	return &Stopped{Reason: string(p.class.stopping()), Fix: p.error.Fix, Err: err}
}

// withoutValue cuts off the value that a message about a field's type quotes: it is of
// a call, and the message goes into logs.
func withoutValue(message string) string {
	before, _, found := strings.Cut(message, " value ")
	if !found {
		return message
	}
	return before + " value (left out)"
}

// requestProblem classifies the error of a whole request.
func requestProblem(err error) *problem {
	p := &problem{cause: err}
	var refusal *salesforce.Error
	if !errors.As(err, &refusal) {
		// No answer, or no way to ask: Salesforce may or may not have done it.
		p.class = classOutage
		p.error = schemas.OutcomeError{Code: "NO_ANSWER", Message: err.Error(), Fix: "Check the network between here and Salesforce, and salesforce.login_url."}
		p.error.Class = string(p.class)
		return p
	}
	k, known := taxonomy[refusal.Code]
	switch {
	case refusal.SignIn && refusal.Status < 500 && k.class != classThrottle:
		k.class = classSignIn
		if k.fix == "" {
			k.fix = "See docs/salesforce.md, signing in."
		}
	case known && !k.class.stops() && k.class != classHeavy && k.class != classDuplicate && refusal.Status >= 500:
		k = kind{classOutage, "Salesforce fails: wait; see status.salesforce.com."}
	case known:
	case refusal.Status >= 500:
		k = kind{classOutage, "Salesforce fails: wait; see status.salesforce.com."}
	default:
		// Better to stop and be seen than to reject row after row.
		k = kind{classConfig, "Salesforce does not take such requests: look at the message."}
	}
	p.class, p.retryAfter = k.class, refusal.RetryAfter
	p.error = schemas.OutcomeError{Code: refusal.Code, Message: refusal.Message, Fields: refusal.Fields, Class: string(k.class), Fix: k.fix}
	return p
}

// rowProblem classifies the errors of one row. All are kept in the message, the
// worst decides.
func (s *Sink) rowProblem(r *row, errs []salesforce.RowError) *problem {
	if len(errs) == 0 {
		errs = []salesforce.RowError{{StatusCode: "NO_REASON", Message: "Salesforce refused the row without a reason."}}
	}
	classes := make([]class, len(errs))
	worst := 0
	for i, e := range errs {
		classes[i] = s.rowClass(r, e)
		if slices.Index(bySeverity, classes[i]) < slices.Index(bySeverity, classes[worst]) {
			worst = i
		}
	}
	p := &problem{class: classes[worst]}
	p.error = schemas.OutcomeError{Code: errs[worst].StatusCode, Class: string(p.class), Fix: taxonomy[errs[worst].StatusCode].fix}
	if p.class == classUnknown {
		p.error.Fix = "Salesforce refuses this row for a reason that callfold does not know: look at the message."
	}
	var messages []string
	for i, e := range errs {
		message := e.Message
		if i != worst {
			message = e.StatusCode + ": " + message
		}
		messages = append(messages, message)
		p.error.Fields = append(p.error.Fields, e.Fields...)
	}
	p.error.Message = strings.Join(messages, "; ")
	return p
}

// rowClass is the class of one error of a row. Here are told apart the codes
// that mean different things depending on what the row holds.
func (s *Sink) rowClass(r *row, e salesforce.RowError) class {
	names := func(fields ...string) bool {
		return slices.ContainsFunc(e.Fields, func(f string) bool { return slices.Contains(fields, f) })
	}
	switch e.StatusCode {
	case "NOT_FOUND", "ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "FIELD_INTEGRITY_EXCEPTION":
		switch {
		case names("RecordTypeId"):
			return classConfig
		case names("OwnerId"):
			return classStaleOwner
		case names("WhoId", "WhatId"):
			return classStaleMatch
		case e.StatusCode == "FIELD_INTEGRITY_EXCEPTION":
			return classPermanent
		}
		return classStaleMatch
	case "DUPLICATE_VALUE":
		if len(e.Fields) > 0 && !names(s.externalID) {
			return classPermanent
		}
	case "INVALID_FIELD_FOR_INSERT_UPDATE":
		if r.create && len(e.Fields) > 0 && !slices.ContainsFunc(e.Fields, func(f string) bool { return !r.createOnly[f] }) {
			return classWrongLane
		}
	}
	if k, known := taxonomy[e.StatusCode]; known {
		return k.class
	}
	return classUnknown
}
