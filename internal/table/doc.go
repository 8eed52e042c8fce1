// Package table keeps the state of a stream stage on disk: one table for each
// input partition, all in one embedded store per process.
//
// A table is a copy of one partition of a compacted topic, its changelog, and
// can always be made again from it. That makes it cheap: writes are not synced,
// and after a crash the store holds some earlier, but consistent state. What
// makes it consistent is that a table changes by atomic batches only, and that
// each batch holds, beside the changes, the [Checkpoint] that says how far into
// the changelog (and into the stage's input) the table now reaches. A restart
// reads the changelog from there.
//
// A table can also keep timers: a change may carry the time at which its key
// wants to be looked at again, and [Table.Due] lists the keys whose time has
// come.
//
// A partition's table is used by one owner at a time: [Store.Acquire] waits
// until the previous owner released it.
package table
