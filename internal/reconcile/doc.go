// Package reconcile says in which ways Salesforce is not as the log wants it, and what
// of that is mended by which policy.
//
// [Findings] gather what a comparison finds, once, for a command: the rows are those of
// a plan ([replay.Make]), and those that the policy mends are applied as a plan is. A
// [Walk] looks on and on, a few API requests an hour, and has what it finds rewritten as
// an operator would.
//
// Neither writes to Salesforce: the sink that owns a call does, when it is told to by a
// callfold.rewrite command. That writes all fields of the call's Task. So [Fill], which
// is to overwrite nothing, mends a Task that is there only where every field that
// differs is empty.
//
// # The walk
//
// A walk is of one process of the sink, and looks at the partitions that this owns
// ([Share]). It goes over their calls in the topic calls, and asks the sink which Tasks
// are not as the outcomes say they were written, or not there though today's rules want
// one ([sfsink.Sink.Deviations]). And it goes over the external ids of all Tasks, in the
// order of their index, and tells which of its partitions' no call has. It looks for
// nothing outdated, which takes lookups, nor for Tasks of other integrations, by a field
// without an index.
//
// An id is no call's if the process has no outcome for it, and no record of it waits. That
// is exact, since it reads in this order: the Tasks; where the topic calls ends; up to
// where the sink has handled it; the outcomes, and what lies between the two offsets. The
// call of a Task is in the topic before the Task is there. So it waits, or was handled,
// and every call that was handled has an outcome.
package reconcile
