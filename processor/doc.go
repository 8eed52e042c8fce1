// Package processor folds events into call states: the topic events into the
// topic calls, exactly once.
//
// It is a thin stage. What a call's state is, package schemas says; how a
// state survives whatever dies, package stream. What cannot be folded goes to
// the topic rejected with its reason and never holds up its partition; only an
// event that a newer version of callfold wrote does, until the upgrade is done.
package processor
