// Package backfill fetches calls from Aircall's REST API into the topic events.
//
// # What is promised
//
// Every call that Aircall has in the range is read. A list of Aircall's ends after
// 10,000 calls without a word, so a range is halved as long as its list has as many;
// and a list that gave fewer calls than it says is read again, and reported if
// that does not help.
//
// It may be done again, any number of times: a call object has the latest time
// inside as its own ([schemas.ParseEvent]), so one that did not change is the same
// event again. Where the trace of the call's state has that event it is not
// published at all. Progress is noted after each part of the range, once all in-sync
// replicas have its calls; a killed backfill goes on from there.
//
// Nothing that is known gets lost. What is absent never erases; but a list of tags
// or notes takes the place of the older one, and Aircall strips users that were
// deleted from it. Their ids and names are filled in from the state of the call
// (see shape). Erased calls stay erased: they are not published.
//
// # What it cannot see
//
// What is taken away or edited leaves no later time in the object: a tag that was
// removed, or a note that was changed, while no webhook came, may stay as it was.
package backfill
