// Package reconcile says in which ways Salesforce is not as the log wants it, and what
// of that is mended by which policy.
//
// A [Report] gathers what a comparison finds, once, for a command: its rows are those of
// a plan ([replay.Make]), and those that the policy mends are applied as a plan is. A
// [Walk] looks on and on, a few API requests an hour, at what the sink remembers to have
// written, and has what it finds rewritten as an operator would.
//
// Neither writes to Salesforce: the sink that owns a call does, when it is told to by a
// callfold.rewrite command. That writes all fields of the call's Task. So [Fill], which
// is to overwrite nothing, mends a Task that is there only where every field that
// differs is empty.
package reconcile
