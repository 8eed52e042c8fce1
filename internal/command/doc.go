// Package command publishes what operators want done with calls: callfold.rewrite,
// callfold.rematch, callfold.retry and callfold.erase.
//
// A command is an event of its call in the topic events: the processor folds it in
// order with the call's other events, and the sink obeys it once. So a command that
// is sent twice does no harm, and who asked for it and why stays in the history of
// the call.
package command
