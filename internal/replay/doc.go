// Package replay rebuilds Salesforce from the log: it plans what a rebuild would
// change, and has it carried out.
//
// # The plan
//
// [Make] reads the newest state and outcome of each call from the topics calls and
// tasks, asks the sink's own code what it would write of the call under the present
// settings ([sfsink.Sink.Preview]), and compares that with what Salesforce holds at the
// moment. What differs becomes a [Row], with each field's two values and the rule. The
// plan is a file for people to read and for [Apply]; it holds what Tasks hold, and is
// readable by its owner only. Planning writes nothing to Salesforce, and needs rights to
// read only.
//
// [Options.Stray] is told of Tasks that no rewrite mends: several of one call, those of
// another integration, and those without a call. [Try] compares in another way, for
// settings that are not in use yet: with what the outcomes say was written, or with what
// other settings want.
//
// # Carrying it out
//
// There is never a second writer behind the sink's back: [Apply] publishes
// callfold.rewrite commands for the calls of the plan, and the sink that owns a call
// writes what is right at that moment. So a plan's row never wins over a newer state,
// and a command that comes twice does no harm: a killed apply goes on from its progress
// file, and repeats at the most what it had in hand.
//
// It waits until the sink has caught up before it sends more, and looks in the topic
// tasks at what became of each call. The first hundred are the canary: where more than
// five of them fail nothing else is sent.
package replay
