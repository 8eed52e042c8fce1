//go:build linux

// Command restore measures what the number of calls costs the processor: how
// long a restore from nothing takes, how long a restart with its tables on disk,
// after a kill and after an orderly stop, and how much memory the process takes
// while it works.
//
//	go run ./test/restore [-calls 100000,300000,1000000] [-load 20s] [-rate 2000] [-svg FILE] [-cpuprofile FILE]
//
// The broker is the embedded one, in a process of its own. The changelog is
// filled with states that real call traffic (package traffic) makes, under call
// ids of their own, in the small batches that a processor writes. The stage is
// `callfold process` in all but its command line, in a process of its own, too;
// under load it folds another event into calls chosen at random among all.
//
// The last column of times is the restore of a stage with timers, such as the
// sink, which has to decode each state to know when it is due.
package main
