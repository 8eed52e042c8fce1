// Package logcopy copies the topic events to another topic, without the events of
// calls that were erased: only their callfold.erase commands go along, so that the
// erasures go on to absorb whatever comes.
//
// Partitions, order, keys, values, headers and timestamps stay; offsets do not. A copy is
// made in transactions. The last record of each has the header copied-from: the source and
// the offset to go on from. So a copy that was killed, or that is to take in what has come
// since, goes on where it was, and nothing is copied twice. A second copy to the same
// topic at the same time ends the first one (they share a transactional id).
//
// A topic that holds anything else is refused ([ForeignError]). An empty one is not, other
// than in package rebuild: operators make it beforehand where it is to have another number
// of partitions, and nothing tells it from an empty one of somebody else.
package logcopy
