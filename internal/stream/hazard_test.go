//go:build synctests

package stream

// What can go wrong between Kafka, the tables and the group, and the test that
// fails when its handling is taken out. The patches are in test/breaks, each
// taking out one: make test-breaks shows that its test turns red.
//
//	hazard                                         test                                          patch
//	states seen before their commit                TestTableChangesOnlyAfterTheCommit            apply-before-commit
//	outcome of a commit unknown                    TestCommitWhoseAnswerIsLost                   unknown-end-as-commit, unknown-end-as-abort
//	a previous owner's commit in flight            TestRestoreReadsToTheHighWatermark,           restore-to-lso
//	                                               TestRestoreWaitsForATransactionInFlight
//	the changelog's end cannot be seen             TestBarrierWhereTheEndCannotBeSeen            no-barrier
//	states and group offset disagree               TestOffsetMovedForward, …UnderTraffic         no-guard, no-going-back
//	timers while input is to be handled again      TestTimersBehindTheGroup                      timers-move-the-group
//	input without a change of state                TestInputThatCannotBeUsedIsRejected           no-next-input
//	a store that cannot be continued               TestStoreThatCannotBeContinued                no-check-of-{topic,end,age,schema}, damage-not-mended
//	a checkpoint that is ahead of its table        TestCheckpointGoesWithItsChanges              checkpoint-apart
//	states of a newer schema                       TestNewerStatesPause                          skip-newer-states
//	input of a newer schema                        TestNewerInputPauses; processor: TestRead     reject-newer-schema
//	a restore holds up the group                   TestGroupGoesOnWhileAPeerRestores             restore-in-callback
//	a commit for a partition of another            TestNothingIsCommittedForALostPartition       commit-without-rebalance-check
//	timers of a partition of another               TestTimerOfALostPartition                     no-fence
//	a partition lost while idle                    TestIdleMemberLosesPartitionsTwice            lost-partition-kept
//	poison input                                   TestPoisonDoesNotBlockItsPartition            poison-not-rejected
//	a state, or a rejection, too large             TestStateTooLargeIsRejected, TestMonstrous…   large-state-not-rejected, monstrous-rejection
//	the embedded broker was killed                 internal/broker: TestFreshTransactionalIDs…   no-fresh-suffix
//	an end that takes too long                     TestStopsQuicklyInARebalance, TestGrace,      unbounded-close, unbounded-batch,
//	                                               TestStopsWhileTheBrokerIsAway                 unbounded-transaction
//	errors that brokers answer with                TestBrokerFaults (by request and error)
//	partitions without a leader                    TestHalfOfThePartitionsWithoutALeader
//	a clock that is set back                       TestClockSetBackAnHour
//	everything killed at once                      TestKillOfEverythingAtOnce, TestKilledInMidTransaction
//	all of these in any order                      TestRandomSchedules
