// Package traffic makes realistic Aircall call traffic: webhook bodies of whole
// life cycles of calls, in the shape that Aircall's own webhooks have, their
// delivery at least once and out of order, and the sender that posts them.
//
// Three steps, each usable alone:
//
//   - [Generator.Call] gives a call as Aircall saw it: every event once, in
//     order. Its body is the whole call as it was at that second, with the
//     habits of the real ones: fields that vanish between events, media links
//     signed anew on every event, several events in one second.
//   - [Generator.Deliver] gives what a receiver sees of that call: some events
//     late, some twice (byte for byte, or with links signed again).
//   - [Sender] posts delivered calls to an endpoint as Aircall does: five
//     seconds to answer, anything but 2xx is tried again, many calls at once.
//
// Reproducible: a call is a pure function of seed, kind, call id and start.
// The same [Options] and the same sequence of method calls give the same bytes,
// on every machine. Nothing here reads a clock but the Sender.
//
// The company that calls (its lines, agents and teams) and the people it talks
// to are the same for every seed; [SampleOrg] is the Salesforce org that fits
// them. No person, number, address or link in it is real: phone numbers are
// from the ranges that regulators keep for fiction, where there are any.
package traffic
