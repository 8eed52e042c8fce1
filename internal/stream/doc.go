// Package stream is a small Kafka Streams: it runs a stage that reads one
// topic, keeps a state per key, and writes the state's changes to a compacted
// topic, exactly once.
//
// # One turn
//
//	poll a batch → Handler.Handle → transaction { changes, rejected, offsets } → apply the changes to the tables
//
// The consumed offsets, the state changes and the rejected records of a batch
// are committed in one Kafka transaction ([lane.commit]). The table on disk
// changes only after the commit ([lane.apply]); before, the changes live in the
// batch's overlay ([Partition]) and an abort drops them.
//
// # Names
//
// An [Engine] runs several lanes. A lane is one member of the consumer group
// with one transactional producer: one transaction at a time. A task is a
// partition that the group has given to a lane; it owns the table of that
// partition, which is a copy of the changelog, the partition of the same number
// in the output topic. So input, changelog and tables are co-partitioned.
//
// # Ownership
//
// When the group assigns a partition, the rebalance callback only pauses it and
// starts the restore in the background ([lane.assigned], [lane.restore]): a
// restore inside the callback would hold up the whole group. When the restore is
// done the partition is resumed. When the group takes a partition away the task
// is cancelled ([lane.rejoining]); the lane gives its table back between two
// turns, never during one ([lane.settle]).
//
// # What a restore must wait for
//
// The previous owner may have died with a transaction in flight whose commit
// still reaches the broker. The input offsets of that transaction count, so its
// changes must too: the changelog is read up to its high watermark as it was
// when the partition was assigned, with read_committed, and so behind every
// transaction that was open then. Reading only to the last stable offset would
// lose updates.
//
// Each transaction's last changelog record of a partition carries the input
// offset that it reached, in the header next-input. At the end of a restore it
// is compared with the group's offset ([lane.guard]): a difference means that
// the two were not committed together. Then the table is restored from nothing,
// and if the group is still ahead it goes back to where the states end
// ([lane.goBack]).
//
// # Failures
//
// The end of a transaction fails in two ways. A clean abort (the group
// rebalanced, a record was refused) rewinds the input to the last commit and the
// turn is done again. An error means that the outcome is unknown: the commit may
// have happened. Then nothing local beyond the checkpoint is trusted: the lane
// closes its session, opens a new one under the same transactional id, which
// fences the old, and restores. In both cases the table was not touched.
//
// A handler that returns an error abandons its batch: nothing is committed, and
// the same records are polled again after a pause. All partitions of the lane
// wait meanwhile, and the stage is not ready; other lanes go on. So does a
// record of a newer schema hold up its lane until the upgrade is done.
//
// Brokers that are away are waited for. A transaction waits for them no longer
// than its timeout, so that a stage can always be stopped.
//
// # Promises
//
// Each input record has its effect on the state, and on the output, exactly
// once, in the order of its partition. A handler's other effects (calls to
// Salesforce) happen at least once and before the commit; they must be
// idempotent.
package stream
