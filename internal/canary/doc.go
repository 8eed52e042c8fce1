// Package canary tries the whole way of a call: it posts a synthetic webhook to the
// real front door, as Aircall does, and waits until the sink has said what became of
// it. No stage knows of it; nothing on the way treats its call otherwise than any other.
//
// # The call
//
// A canary has one call, whose Task is updated by each run: an answered inbound one of
// a withheld number, without a user, of no duration, that began on 1 January 2020. So
// nothing is looked up, matched, created or given to anybody (M8, O5), it has ended (no
// list of stuck calls names it), and Salesforce soon archives the Task, so that no report
// has it. What changes is its note and its tag, which name the time of the run: F18 and F3
// each give an update, in one request, and an org may leave out either field. The trace
// of a call is bounded, so the call may go on for years.
//
// # Its id
//
// Ids from [FirstID] to [LastID] are for canaries. Aircall counts its calls, and has come
// to some 10^9 in ten years; these are a million times as many. They stay below 2^53, so
// that no program on the way rounds them. Any other id is refused, since the canary would
// write into the log of a real call.
//
// # What is promised
//
// [Written] means that the outcome is about a state which has folded this very run's
// event, by its key in the trace; an older outcome, or one of another canary with the
// same call, is not taken for it. The seconds are from before the request is sent to when
// the outcome was seen, by one clock, and at most [pause] too long.
package canary
