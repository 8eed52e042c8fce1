package schemas

import "github.com/go-json-experiment/json/jsontext"

// Result is how the sink's last look at a call ended. It is a closed set and
// serves as a metric label.
type Result string

// Every call ends in exactly one of these.
const (
	Created   Result = "created"   // the Task was created
	Updated   Result = "updated"   // fields of the Task were changed
	Unchanged Result = "unchanged" // nothing wanted differs from what was written
	Waiting   Result = "waiting"   // it is not yet time to log (L2)
	Skipped   Result = "skipped"   // a rule says that no Task is wanted (L3, L4, L7)
	Retrying  Result = "retrying"  // parked until NextAttempt
	Rejected  Result = "rejected"  // Salesforce refused for good; see Error
	Deleted   Result = "deleted"   // somebody deleted the Task
	Erased    Result = "erased"    // an operator erased the call, and its Task was scrubbed or deleted
)

// Results are all of them.
func Results() []Result {
	return []Result{Created, Updated, Unchanged, Waiting, Skipped, Retrying, Rejected, Deleted, Erased}
}

// Outcome is the value of a record in the topic tasks: what the sink last
// decided about a call, and what it must remember about its Task.
type Outcome struct {
	CallID int64  `json:"call_id"`
	Result Result `json:"result"`
	// Rule is the rule that decided, such as L3 for a skipped call.
	Rule string `json:"rule,omitzero"`
	// Kind is the call's kind: inbound_answered, outbound_answered,
	// outbound_unanswered, missed or voicemail.
	Kind string `json:"kind,omitzero"`
	// StateHash is the hash of the call state that this outcome is about.
	StateHash string `json:"state_hash"`
	// DecidedAt is when the sink decided, in UNIX milliseconds.
	DecidedAt int64 `json:"decided_at"`

	// TaskID is the Task's Salesforce id, once known.
	TaskID string `json:"task_id,omitzero"`
	// Written maps the API name of each field that was written to a hash of
	// the value last written.
	Written map[string]string `json:"written,omitempty"`
	// LastWritten are hashes as in Written, of the fields that tasks.preserve_edits
	// names, where Written was emptied since the Task may hold something else: what
	// people changed is told by them.
	LastWritten map[string]string `json:"last_written,omitempty"`
	// Kept are the API names of the fields that somebody changed in Salesforce since
	// they were written, and that keep it though another value is wanted
	// (tasks.preserve_edits). Written has the hash of what was written before.
	Kept []string `json:"kept,omitempty"`
	// Match and Owner are remembered with the call (M9).
	Match *Match `json:"match,omitzero"`
	Owner *Owner `json:"owner,omitzero"`
	// Reasons explains each field of the Task wanted, by API name.
	Reasons map[string]Reason `json:"reasons,omitempty"`

	// Obeyed are the operator's commands that this outcome, or one before it,
	// has taken account of.
	Obeyed Commands `json:"obeyed,omitzero"`

	// Error is why the call is retrying or rejected.
	Error *OutcomeError `json:"error,omitzero"`
	// Refused is a hash of the Task that was rejected: the call gets a new
	// chance when the Task wanted differs from it.
	Refused string `json:"refused,omitzero"`
	// Attempts counts the failed writes since the last success.
	Attempts int `json:"attempts,omitzero"`
	// Since is when the first of them was made, in UNIX milliseconds.
	Since int64 `json:"since,omitzero"`
	// Confirm is when the Task is to be read back, in UNIX milliseconds: a request
	// of which nobody knows what became of it may be carried out until then. 0 = it
	// is known what the Task holds.
	Confirm int64 `json:"confirm,omitzero"`
	// NextAttempt is when the call is looked at again, in UNIX milliseconds; 0 =
	// only when its state changes.
	NextAttempt int64 `json:"next_attempt,omitzero"`
	// Parked is the call record to look at again at NextAttempt.
	Parked *CallRecord `json:"parked,omitzero"`
	// Unconfirmed is the call record that was written last, while the Task is to be read
	// back (Confirm) and a newer one is in Parked: if that is rejected, the Task is to
	// hold this one.
	Unconfirmed *CallRecord `json:"unconfirmed,omitzero"`

	// Bulk is the job of Salesforce's Bulk API 2.0 that writes the Task, or may: what is
	// new of the call waits in Parked until the job has ended and its results were read.
	Bulk *Bulk `json:"bulk,omitzero"`

	// Unknown holds fields written by a newer binary; they survive a rewrite.
	Unknown jsontext.Value `json:",embed"`
}

// Bulk is a call's row in a job of Salesforce's Bulk API 2.0.
type Bulk struct {
	// Job is the job's Salesforce id.
	Job string `json:"job"`
	// StateHash is the hash of the call state that the row is of.
	StateHash string `json:"state_hash,omitzero"`
	// Written is what Outcome.Written becomes if the job writes the row. It is empty
	// while it is not known that the row was handed over.
	Written map[string]string `json:"written,omitempty"`
	// Obeyed are the commands that the row carries out.
	Obeyed Commands `json:"obeyed,omitzero"`
}

// Commands are the keys of the newest operator commands of a call, by kind; the
// zero Key for none.
type Commands struct {
	Rewrite Key `json:"rewrite,omitzero"`
	Rematch Key `json:"rematch,omitzero"`
	Retry   Key `json:"retry,omitzero"`
}

// Match is the Salesforce record that a call belongs to.
type Match struct {
	// Object is Contact, Lead, Account or PersonAccount.
	Object string `json:"object"`
	ID     string `json:"id"`
	Name   string `json:"name"`
	// WhatID is what goes beside a Contact: the related Case or Opportunity
	// (M5); for an Account match the Account itself.
	WhatID string `json:"what_id,omitzero"`
	// AccountID is the Account of a matched Contact, if it has one. Writes lock
	// it, so calls of one Account are never written at the same time.
	AccountID string `json:"account_id,omitzero"`
	// OwnerID is the record's owner when it was matched.
	OwnerID string `json:"owner_id,omitzero"`
	// Created is true when the record was created for the call (M6).
	Created bool `json:"created,omitzero"`
	// Reason says how the record was chosen.
	Reason Reason `json:"reason,omitzero"`
}

// Owner is the Salesforce user whom the Task belongs to.
type Owner struct {
	ID string `json:"id"`
	// Rung is the rung of the ladder that gave it: agent, record_owner,
	// fallback or integration_user.
	Rung string `json:"rung"`
	// AnsweredBy is the Aircall user id that the ladder was climbed for; the
	// owner changes only when it does (M9).
	AnsweredBy int64 `json:"answered_by,omitzero"`
}

// Reason explains one field, or one decision.
type Reason struct {
	// Rule is a rule's number, such as F6.
	Rule string `json:"rule"`
	// Why is one plain sentence.
	Why string `json:"why,omitzero"`
	// Events are the events that the value came from, as NAME@UNIXSECONDS.
	Events []string `json:"events,omitempty"`
	// Considered lists what else was looked at, and why it was not taken.
	Considered []string `json:"considered,omitempty"`
}

// OutcomeError is what Salesforce answered.
type OutcomeError struct {
	// Code is Salesforce's statusCode or errorCode.
	Code    string   `json:"code"`
	Message string   `json:"message,omitzero"`
	Fields  []string `json:"fields,omitempty"`
	// Class is the error's class, such as transient or permanent.
	Class string `json:"class"`
	// Fix says in plain words what to mend.
	Fix string `json:"fix,omitzero"`
}
