package erasure

import (
	"fmt"
	"time"
)

// Receipt says what was erased, when, by whom and why, and what was not. It holds
// nothing of the calls but their ids, and of a number its last two digits.
type Receipt struct {
	At  time.Time `json:"at"`
	Who string    `json:"who"`
	Why string    `json:"why"`
	// Number is what is told of the number that was asked for; empty where calls were named.
	Number string `json:"number,omitzero"`
	Calls  []Call `json:"calls"`
	// Sent is how many of the calls' commands Kafka has acknowledged. With fewer than
	// there are calls it has to be done again.
	Sent   int  `json:"sent"`
	DryRun bool `json:"dry_run"`
	// Refused are calls that were named and are not there.
	Refused []Refusal `json:"refused"`
	// Erased is what the commands erase, Remaining what is left for others to erase.
	Erased    []string `json:"erased"`
	Remaining []string `json:"remaining"`
}

// Refusal is a call that was named and not erased.
type Refusal struct {
	CallID int64  `json:"call_id"`
	Why    string `json:"why"`
}

// Tell fills in what is erased and what is not, by the setting tasks.erased.
func (r *Receipt) Tell(policy string) {
	task := "its personal fields are emptied"
	if policy == "delete" {
		task = "it is deleted, and in the recycle bin for 15 days"
	}
	r.Erased = []string{
		"the state of each call, in the topic calls, as soon as the processor has come to the command; nothing that comes later brings anything back",
		"what the sink remembers of it, in the topic tasks: all but the Id of its Task",
		fmt.Sprintf("its Task in Salesforce: %s (tasks.erased: %s); it is done when 'callfold outcomes list --outcome erased' has the call", task, policy),
	}
	r.Remaining = []string{
		"the events as they came, in the topic events: until it is copied without the erased calls (callfold replay events --to NEW_PREFIX --without-erased) and the old topics are deleted",
		"events that wait in ingest journals (ingest.journal_dir): until they are published and removed, which happens by itself",
		"records of the calls in the topic rejected: for 30 days",
		"older records in segments of the topics calls and tasks: until Kafka's cleaner has been there (max.compaction.lag.ms, delete.retention.ms)",
		"older states in the files of the stages (processor.state_dir, sink.state_dir): until they are merged; both may be deleted while the stage is down, and are made anew",
		"in Salesforce: field history, the recycle bin, backups and exports, what flows have copied, and the Contacts, Leads, Accounts and Cases of the calls; those that callfold made for the number are named with their calls",
		"calls that the processor had not folded yet when they were looked for by number: ask once more in a while",
		"the calls in Aircall",
	}
}
