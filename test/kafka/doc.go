// Package kafka holds the integration suite: the stages as processes of the real
// binary, on a broker, killed, cut off, moved and restarted. It runs on three
// kinds of brokers, which the environment variable BROKER chooses:
//
//	embedded  the broker of callfold dev, in the test's process (the default, part of make test)
//	apache    one node of Apache Kafka (make test-kafka)
//	cluster   three of them (make test-kafka)
//
// Every test makes topics and groups of its own on a broker that all share, puts
// events there, does its harm, waits until the group has nothing left, and then
// compares with the slow fold of package oracle: the newest record of each call in
// calls must equal, byte for byte, what the events in the topic give; each event
// that was acknowledged must be there once; each body that is no event must be in
// rejected once, which a batch that counted twice would break.
//
// What only one kind of broker can show says so and is skipped on the others.
package kafka
