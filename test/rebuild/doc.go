// Command rebuild measures a rebuild of Salesforce while live traffic goes on: Tasks of
// many calls are deleted, a plan finds them, and an apply brings them back, while calls
// come in at a steady rate.
//
//	make bench-rebuild
//	go run ./test/rebuild [-calls N] [-rate N] [-alone DURATION] [-latency DURATION]
//
// Freshness is the time from when an event is acknowledged by the broker to when the
// outcome of its write can be read in the topic tasks, so it takes in the processor, the
// sink with its rests, and Salesforce. It is measured first without a rebuild, then while
// one is planned, and while it goes on. Without one the sink lets calls gather, to spend
// fewer API requests, so the longer -alone is the more that is of rests. A live call is hung up, and tagged a second
// later, so it makes a Task and changes it. At the end a second plan must find nothing to
// do, or the exit code is 1.
//
// Broker, simulator (which takes a time for each request, as Salesforce does), stages and
// the apply share this process, so its CPU time is that of all.
package main
