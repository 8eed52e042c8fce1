// Package projector computes, from the state of a call and what Salesforce
// holds, the Task that is wanted, and for each of its fields the reason.
//
// It is pure in effect: the same arguments give the same result, whenever and
// wherever it is asked. It reads no clock, draws no random number and logs
// nothing; the present time and everything from Salesforce are arguments. Two
// tables that are constants of the world are read when first needed and then
// remembered: the time zones ([time.LoadLocation], with time/tzdata embedded,
// so that a container without zone files answers the same) and the plan of the
// world's phone numbers.
//
// The jobs are separable, since the sink decides for a whole batch, asks
// Salesforce for many numbers at once, and only then chooses and projects:
//
//	rules, err := projector.New(settings)
//	decision := rules.Decide(record, now)               // L2–L4, L7, L8
//	lookup := rules.Lookup(record)                      // M4, M8: what to ask for
//	match := rules.Choose(lookup, candidates)           // M1–M4: nil for no match
//	match = rules.Relate(match, cases)                  // M5
//	owner, why := rules.Own(record, match, nil, org)    // O1–O5
//	task := rules.Task(record, decision, projector.Resolution{
//		Lookup: lookup, Match: match, Owner: owner, OwnerReason: why,
//	}, org)
//
// [Rules.Project] does it all against an org in memory.
//
// The rules are data. A Task field has one definition in one place (fields.go):
// its logical name, its rule's number, how it is computed and its limit. The
// rule numbers are those of docs/call-logging.md.
package projector
