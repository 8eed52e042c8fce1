//go:build unix

// Command bench measures how fast the sink works through a backlog: calls that wait
// in Kafka are written to the simulator, which takes a time for each collection of
// 200 rows as Salesforce does. Beside the rows a second it prints what can be had at
// most,
//
//	200 rows x requests in flight / time of a collection
//
// and the CPU time that a row takes, since that bounds the rows too. Broker and
// simulator are a process of their own. Start and end of a run are left out: what is
// measured lies between a tenth and nine tenths of the rows.
//
// Then the same calls are rewritten by bulk jobs, and the rows that came of it are
// written once more by the same client and as many jobs, to a fresh simulator: what
// that takes is what the simulator needs by itself.
//
//	make bench-sink
//	go run ./sfsink/bench -calls 40000 -inflight 1,2,4
package main
