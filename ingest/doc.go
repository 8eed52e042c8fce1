// Package ingest is the front door: the webhook endpoint that Aircall posts
// to. It authenticates a body by the token inside, decides whether it can be a
// call event, and answers only when the event is durable.
//
// What it promises:
//
//   - 200 "accepted" means that the body is in the topic events, "rejected" that
//     it is in the topic rejected, on all in-sync replicas in both cases. A
//     body whose fate is not known by the deadline is answered with 503; Aircall
//     sends it again, and the fold takes duplicates, so an event that was
//     written after all does no harm.
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
// Events of one call may be written in another order than they arrived in; the
// fold does not mind.
//
// Whoever serves the [Server] shuts it down in this order: stop accepting
// connections and wait for the requests under way ([net/http.Server.Shutdown];
// each takes AckTimeout at most), then close the Kafka client. The other way
// round a request would lose its ack and be answered with 503 though its event
// was stored. What the client still holds when it is closed was answered with
// 503 already.
package ingest
