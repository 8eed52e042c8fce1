// Package rebuild makes the topic calls anew under another prefix, beside the live one,
// and takes the stages over to it.
//
// # Build
//
// [Build] folds all events once more, partition by partition and in bounded memory
// (package refold), up to the offset from which the processor's group goes on: what
// production has accounted for, not an event more. Then it compares the result with what
// the new topic holds and writes what differs: states in the order of their keys, a lot a
// transaction, and behind the last a marker with next-input, as the engine writes it. So
//
//   - it may go on beside live traffic, since it is in no group and reads only;
//   - it may be killed at any moment and started again, and run again to catch up: what is
//     there already is not written twice;
//   - two runs at once do not mix: each partition has its transactional id, and the later
//     run ends the earlier one there;
//   - two builds of one log up to the same offsets write the same bytes. The [Report] has
//     their hash.
//
// The first record of each partition is a marker that names the log, written as soon as
// the topic was made ([Claim]). A topic without it, whether it holds anything or is empty,
// is somebody else's and refused ([ForeignError]), and so is one that the sink's group
// reads ([InUseError]): that one is live. Only an empty one that the settings name
// already is the installation's own, and claimed by a switch.
//
// Events that cannot be folded are counted; production has put them into rejected.
//
// Where the group has never read the log (a copy of events under another prefix), the
// build reads to the log's end, and a later one stays where the first ended: what came
// since is for the processor, which also rejects.
//
// # Switch
//
// [Switch] stands in for both stages (package standin), which must be stopped. It builds
// what is missing, and then, for each partition,
//
//  1. commits the processor's offset together with next-input of the new topic;
//  2. appends the states again whose outcomes are not about them, or missing: the sink
//     has not seen these yet. Their end is not the sink's beginning, what was there before
//     them is;
//  3. writes a marker into tasks whose next-input is that beginning, and commits the
//     sink's offset for the new topic there, in one transaction.
//
// Without it the sink would read every state once more, and take the first of them for
// repeats, which are written in full. A switch that was killed is run again: it ends the
// same, but for states that are appended twice, and the second finds nothing to write.
package rebuild
