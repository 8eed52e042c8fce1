// Package ingest is the front door: the webhook endpoint that Aircall posts
// to. It authenticates a body by the token inside, decides whether it can be a
// call event, and answers only when the event is durable.
//
// What it promises:
//
//   - 200 "accepted" means that the body is in the topic events, "rejected" that
//     it is in the topic rejected, on all in-sync replicas in both cases; or that
//     it is synced to the journal, from where it goes there. A body whose fate
//     is not known by the deadline is answered with 503; Aircall sends it again,
//     and the fold takes duplicates, so an event that was written after all does
//     no harm.
//   - With a valid token the answer is 200 or 503, never a 4xx: Aircall disables
//     a webhook for those too.
//   - The body is published byte for byte as it came, minus its top-level token
//     members. A token reaches no topic, no log and no metric.
//   - A request holds its goroutine no longer than Options.AckTimeout, however
//     slow its client or the broker is, and all bodies together hold no more
//     than a fixed amount of memory. Beyond that the answer is 503.
//   - Only Aircall's own call events come in: an operator's command (callfold.*)
//     is ignored or rejected even with a valid token, and never stored as an event.
//
// # The journal
//
// With Options.Journal a broker's outage is not Aircall's affair. Kafka gets half
// of a request's time (2 s); a record that it did not acknowledge by then goes to
// the journal (package journal tells what is safe there), and the request is
// answered as if Kafka had taken it. While Kafka is away, which means that no
// record was taken since one that was not, records go to the journal at once. The
// broker is then asked every second, and once it answers one record a second is
// tried directly, so that the stage finds back even if the journal cannot be read.
//
// What is in the journal is published beside the live records, at most 256 and
// 8 MiB at a time. A record is handed to the client once, and not again before the
// client has said what became of it; a segment is removed when all its records are
// acknowledged. A kill in between publishes them again. What Kafka refuses for
// good (a batch is refused as a whole, so this is judged with the record alone in
// its batch) is kept in a segment of its own and tried every ten minutes; a topic
// that refuses everything is tried every thirty seconds; the others go on. Whether
// a time lies too far ahead was judged at reception, and is not judged again.
//
// Without a journal a record that is not acknowledged by the deadline is answered
// with 503.
//
// Events of one call may be written in another order than they arrived in; the
// fold does not mind.
//
// Whoever serves the [Server] shuts it down in this order: stop accepting
// connections and wait for the requests under way ([net/http.Server.Shutdown];
// each takes AckTimeout at most), then close the Kafka client and the journal. The other way
// round a request would lose its ack and be answered with 503 though its event
// was stored. What the client still holds when it is closed was answered with
// 503 already.
package ingest
