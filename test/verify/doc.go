//go:build linux

// Command verify measures `callfold verify`: how many events a second it folds and
// compares, what CPU time an event takes, and how much memory the process takes.
//
//	make bench-verify
//	go run ./test/verify [-calls N] [-partitions N] [-dir DIR] [-cpuprofile FILE]
//
// The topic events is filled with events of real call traffic (package traffic) under
// call ids of their own: the first and the last of each call, and of every second call
// one more between them. Two hundred calls are going on at a time, so events of a call
// do not follow each other. The topic calls has the newest state of each call, as it has
// after Kafka's cleaner was there, and the processor's group has read all of events.
//
// The limit beside it is the same reading without the work: both topics are fetched and
// unpacked, all cores at it, and no record is looked at.
//
// The embedded broker runs in a process of its own, and so do the verification and the
// limit. All share the cores.
package main
