// Package sfsink writes calls to Salesforce as Tasks and remembers what came of
// it. It is a handler of the engine in internal/stream: its input is the topic
// calls, its state per call is the outcome in the topic tasks.
//
// # One turn
//
//	newest state per call → decide (L) → match (M) → owner (O) → Task (F)
//	→ unchanged? → create lane or update lane → an outcome for every call
//
// The turn goes in rounds. In a round all open calls are matched, projected and
// written together, with as few requests as may be; a call whose refusal can be
// mended at once (the record it was matched to is gone, the owner was
// deactivated, its Task exists already) goes into the next round, the others
// are finished.
//
// # Promises
//
//   - One Task per call (L1). The first write is an upsert by an external id of
//     ours, which is unique; the later ones go to the Task's Id. A turn that is
//     done twice writes the same twice.
//   - Later writes send only the fields whose wanted value changed: what people
//     changed elsewhere on the Task stays. In the fields of tasks.preserve_edits it
//     stays even when another value is wanted.
//   - A Task that somebody deleted is left, or made anew with all fields; one that
//     was restored is written on.
//   - Every call of a turn ends in one outcome. What must be tried again is
//     parked in its outcome, with the state to write, and holds up nobody else.
//   - An outage, a refused sign-in, a wrong configuration or an exhausted quota
//     rejects no call: the turn ends in an error ([*Stopped]), the engine
//     commits nothing and comes again with the same calls.
//   - Where calls is read from further back, older states are written once more, and then
//     the newest. But nothing of an erased call comes back by that, and no command that
//     was obeyed is obeyed again.
//   - A sink without calls learns of these all the same, within minutes, and
//     [Sink.Trouble] tells them ([Sink.Look]).
//   - Within a process, no two requests in flight concern one call or one
//     account: Salesforce would lock rows against each other.
//
// # Bulk jobs
//
// Where a turn holds more rewrites than Options.BulkAbove, Salesforce writes them in a
// job of Bulk API 2.0, while turns go on with what is new. A job takes a while, in an
// order of its own, and goes on whatever becomes of this process. So all that is known
// of it is in the outcomes of its calls ([schemas.Bulk]), and three turns make it:
//
//  1. A job is made, without rows, and its calls are parked with its id.
//  2. When that is committed, the job gets its rows and is handed over. The calls are
//     parked with the hashes of what the rows hold.
//  3. Now and then the job is looked at. When it has ended, its results are read row by
//     row, and only then are those hashes believed.
//
// A call in a job waits for the end of it, whatever is new of it or wanted with it: its
// newest state is parked meanwhile, and is compared with what the job wrote. So:
//
//   - A process that dies before 2 leaves a job without rows, which changes nothing. One
//     that dies within 2 leaves calls whose job is known: the next owner of the partition
//     asks for it. A job that was uploaded to and not handed over is aborted. Of one that
//     was handed over the results count, but not the hashes, which nobody has.
//   - A process that wakes up late hands over a job that its successor has aborted, or
//     one that the calls wait for.
//   - What a job refuses is written by collections at once. They tell why, in the words
//     of the taxonomy, and what was mended meanwhile goes well. Only Tasks that somebody
//     deleted, as all may be before a rebuild, may go into another job, which creates them.
//   - A row without a result was not written if the job is complete: its turn was split.
//     Of a job that failed, was aborted (by an administrator, in Setup, Bulk Data Load
//     Jobs) or is forgotten after seven days, it may be written yet: the call is
//     unconfirmed. Either way collections write it.
//   - While Salesforce does not answer, or API requests are used up, turns are given up
//     as for any other request. Where it makes no jobs at all, collections do.
//   - Calls that are retried, or have something new to tell besides, do not go into jobs.
//     Nor do texts that are #N/A, which clears a field there. Those that another request
//     may write yet are read back, as ever.
package sfsink
