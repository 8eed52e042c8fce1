// Package sfsink writes calls to Salesforce as Tasks and remembers what came of
// it. It is a handler of the engine in internal/stream: its input is the topic
// calls, its state per call is the outcome in the topic tasks.
//
// # One turn
//
//	newest state per call → decide (L) → match (M) → owner (O) → Task (F)
//	→ unchanged? → create lane or update lane → an outcome for every call
//
// The turn goes in rounds. In a round all open calls are matched, projected and
// written together, with as few requests as may be; a call whose refusal can be
// mended at once (the record it was matched to is gone, the owner was
// deactivated, its Task exists already) goes into the next round, the others
// are finished.
//
// # Promises
//
//   - One Task per call (L1). The first write is an upsert by an external id of
//     ours, which is unique; the later ones go to the Task's Id. A turn that is
//     done twice writes the same twice.
//   - Later writes send only the fields whose wanted value changed: what people
//     changed elsewhere on the Task stays. In the fields of tasks.preserve_edits it
//     stays even when another value is wanted.
//   - A Task that somebody deleted is left, or made anew with all fields; one that
//     was restored is written on.
//   - Every call of a turn ends in one outcome. What must be tried again is
//     parked in its outcome, with the state to write, and holds up nobody else.
//   - An outage, a refused sign-in, a wrong configuration or an exhausted quota
//     rejects no call: the turn ends in an error ([*Stopped]), the engine
//     commits nothing and comes again with the same calls.
//   - Within a process, no two requests in flight concern one call or one
//     account: Salesforce would lock rows against each other.
package sfsink
