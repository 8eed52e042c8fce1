// Package outcomes is for operators who look after many calls at once: it reads
// the newest outcome of each call from the topic tasks, and says which command makes
// the sink try one again.
//
// Reading changes nothing. Of each outcome only what a list shows is kept; what
// the call was about (numbers, notes, links, the parked state, and Salesforce's
// message, which may repeat a field's value) is not. See [Read] for the memory.
package outcomes
