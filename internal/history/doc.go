// Package history reads what Kafka holds of one call: its state, what came of
// it, and the events that made it. It only reads.
//
// Everything of a call is in one partition, the one that Kafka's murmur2 gives
// its id. Of the compacted topics calls and tasks that partition is read from
// its start to its end as it was at the beginning, committed records only, and
// the newest record of the call counts. The events are fetched by the offsets
// in the state's trace; the topic events is never searched. Package partition does
// the reading.
package history
