// Command chaos proves with real processes that callfold loses no event, counts
// none twice and makes of the event log what the log says, whoever is killed and
// whenever. It is `make chaos` (a minute) and `make soak` (as long as one likes):
//
//	go run ./test/chaos                                   # a minute, embedded broker
//	go run ./test/chaos -broker apache                    # three nodes of Apache Kafka
//	go run ./test/chaos -events 1000000 -kills 200        # a soak
//	go run ./test/chaos -scenario everything              # kill -9 of all at once
//	go run ./test/chaos -broker apache -scenario leaderless
//
// # What runs
//
//	generator ─▶ 2 × ingest ─▶ toxiproxy ─▶ Kafka ◀─ toxiproxy ◀─ 2 × process, 2 × sink ─▶ Salesforce simulator
//	    │        (journals)                                                                     │
//	    └─▶ ledger ──────────────────────────▶ checker ◀────────────────────────────────────────┘
//
// The stages are processes of the binary that users run, at default settings,
// each with a stable kafka.instance. The embedded broker is a process of its own,
// too: this program, started again. The simulator lives in this process, which
// is never killed.
//
// # What goes wrong
//
// The schedule (schedule.go) is rounds of steps, each round with every kind of
// trouble in an order left to chance: SIGKILL of any stage, of all at once, of a sink
// that waits for Salesforce; SIGTERM; SIGSTOP for longer than a session lasts
// and then SIGCONT; state directories deleted; brokers stopped, killed, cut off, or
// heard but not answering; latency, resets, black holes and short reads between.
// Salesforce fails by chance (org.go): 500, answers lost after the work was done, or a
// minute late, locked rows, exhausted limits, expired sessions.
//
// The embedded broker may be killed only together with everything else, and
// the stages then come back with fresh transactional ids (package broker says why).
//
// A seed gives the same bodies and the same steps again, not the same
// interleaving: that is up to the machine.
//
// # What is checked
//
// The generator posts each body again until it is answered with 200, and then enters
// it into the ledger, on disk. At the end, with everything healed and
// drained, the checker starts from that ledger, not from the topic. It folds it
// with the oracle (package oracle), which shares with the fold under test the types
// and the parser only, and compares
//
//   - the topic events: each body is there, byte for byte without its token, as
//     often as it was accepted; what is there more often was posted
//     without an answer, or published twice by a journal;
//   - the topic calls: each record, with its trace, byte for byte; and no
//     transaction accounts for input that one before it accounted for;
//   - Salesforce's Tasks: one per call, field by field, as the projector has them
//     for the oracle's states.
//
// It prints what was lost, duplicated and diverged, and the exit code is 1 unless all
// are 0. It is 1, too, when a stage ended by itself, and when the run proves
// nothing: when there was no aborted transaction, no End of unknown outcome, no
// takeover during a Salesforce request, no lost answer of Salesforce, or no replay
// of a journal.
package main
