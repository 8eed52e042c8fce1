// Package schemas is the contract between the stages: the records of every
// topic as Go types, their JSON Schemas and codecs, and the pure fold that
// makes a call's state out of its events.
//
// # The fold
//
// The fold keeps five promises, each a property test: the order of events does
// not matter, duplicates do not matter, a fold may be continued from any
// prefix, what is absent never erases what was known, and no input makes it
// fail. It has them by construction: a state is a product of joins ([Join]),
// and an event is folded by joining the state that knows nothing but this
// event ([Of]). Nothing here reads a clock, draws a random number, logs or does
// any other I/O.
//
// [ParseEvent] reads a body; everything that it drops or cuts, it drops or cuts
// by looking at this one body only, so the laws hold for what is left. [Fold]
// adds an event to a call's record: the state, and the trace of which events
// made it. Package oracle does the same slowly, for comparison.
//
// # The codecs, and how records may change
//
// Every record carries the header [HeaderSchema] with a name and a version; see
// [Codec]. Within a version records only grow:
//
//   - A new field may be added to a record that has an Unknown field, and to
//     no other: an older binary then carries it along and writes it again. Its
//     zero value must mean what its absence meant. If it is a [Latest], its key
//     is always written, never left out for being the newest: an older binary
//     moves Newest on, and a key that was left out would move with it.
//   - A field is never renamed or removed, and never changes its type, unit or
//     meaning; nor does the way a Key is computed.
//   - A new value in a closed set (a status, a result, a reason), and all that
//     the first two points do not allow, needs a new version. A reader that
//     meets a version newer than it knows pauses ([ErrNewerSchema]) until the
//     upgrade is finished. The newer binary still reads all older versions.
//
// A state that an older binary went on folding has the new field as it was
// before: after a rolling upgrade that adds a field to the state, fold the
// calls of that time again from the log.
//
// The files in testdata/golden pin the bytes; those of old versions stay.
package schemas
