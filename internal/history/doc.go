// Package history reads what Kafka holds of one call: its state, what came of
// it, and the events that made it. It only reads.
//
// Everything of a call is in one partition, the one that Kafka's murmur2 gives
// its id. Committed records only are read, up to the end as it was at the beginning.
// The events are fetched by the offsets in the state's trace; the topic events is
// never searched. Kafka has no index of keys, so the compacted topics must be: calls
// from its end backwards until a state of the call comes, tasks from when the call's
// first event came, a day before it to be safe. A call of today costs little; one of
// years ago costs the reading of its partitions since. Package partition does the
// reading.
//
// What each event changed is found by folding them one after the other in their own
// order, which makes the same state whatever the order in which they came.
package history
