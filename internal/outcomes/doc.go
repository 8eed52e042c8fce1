// Package outcomes is for operators who look after many calls at once: it reads
// the newest outcome of each call from the topic tasks, and publishes the
// commands that make the sink try calls again.
//
// Reading changes nothing. Of each outcome only what a list shows is kept; what
// the call was about (numbers, notes, links, the parked state, and Salesforce's
// message, which may repeat a field's value) is not. See [Read] for the memory.
//
// A command is an event of its call in the topic events ([Retry]): the processor
// folds it in order with the call's other events, and the sink obeys it once. So
// a command that is sent twice does no harm.
package outcomes
