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
// When the group assigns a partition, the rebalance callback only pauses it
// ([lane.assigned]). Its restore begins, in the background, when the lane next
// looks at what it owns ([lane.reconcile], [lane.restore]): a restore inside the
// callback would hold up the whole group. When the restore is done the partition
// is resumed. The same look finds what the group took away: such a task is
// cancelled, and the lane gives its table back between two turns, never during
// one ([lane.settle]). Rebalances wait for the end of a turn, so a turn uses no
// partition that is not the lane's. After one that took partitions the lane begins
// anew what it had fetched, before it handles it ([lane.taken]).
//
// That a client thinks that it owns a partition does not make it so: it may have
// been suspended. Each transaction commits offsets in the name of the group's
// present generation, also one that only timers caused ([lane.fence]), and a table
// is noted as up to date only until the group last answered ([heartbeats]).
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
// Brokers that are away are waited for, and told of, also by a stage that has nothing to
// do (watchEnds). A transaction waits for them no longer
// than its timeout. A stage that is told to stop does so within Options.Grace and
// 12 s: 10 s for the transaction in hand, 2 s to leave the brokers ([endWithin],
// [closeWithin]).
//
// # Memory
//
// A lane holds one batch, bounded in records and about in bytes, and one fetch of
// each broker (see fetchBytes); what is written waits in a bounded buffer. A slow
// handler is waited for, and nothing is read meanwhile. The states that were
// committed last are kept decoded, as many as Options.HotStates ([hotStates]).
//
// # Promises
//
// Each input record has its effect on the state, and on the output, exactly
// once, in the order of its partition. A handler's other effects (calls to
// Salesforce) happen at least once and before the commit; they must be
// idempotent.
package stream
