// Package verify folds the topic events once more and compares the result with
// the topic calls, byte for byte.
//
// The comparison holds while the processor goes on. Each partition of calls says
// up to which offset of events its states account for (the header next-input of
// the engine's transactions); that part of events is folded, no more.
//
// Partitions are independent, and several are worked on at a time: as many as
// there are cores. What is folded lies in tables on disk, the calls that were
// met last decoded in memory, so the memory does not depend on the number of
// calls.
package verify
