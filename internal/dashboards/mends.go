package dashboards

import (
	"maps"
	"slices"
)

// mends say for each class of errors of the sink what to do about it, in short. Each
// code has its own in the outcome, the log and docs/salesforce.md.
var mends = map[string]string{
	"sign_in":     "STOPS. Salesforce refuses the sign-in: check salesforce.auth, the certificate, the integration user and this machine's clock. callfold doctor tells which.",
	"config":      "STOPS. A field or object is missing or hidden, or a setting is wrong: the log names it; callfold doctor says where to click.",
	"org":         "STOPS. The org takes no writes: storage full, API switched off, or locked. Ask the administrator of Salesforce.",
	"throttle":    "STOPS until the org takes requests again. Its API requests are used up: see who uses them, or buy more.",
	"outage":      "STOPS until Salesforce answers. Wait; see status.salesforce.com, then the network from here to there.",
	"internal":    "STOPS. Something of ours failed, such as Kafka: see the log.",
	"heavy":       "Look at triggers and flows on Task: they take too long, or fail.",
	"poison":      "A field takes no value of its type: compare the types in tasks.fields with docs/salesforce.md.",
	"duplicate":   "Several Tasks hold one call's external id: delete all but one, and make the field unique.",
	"permanent":   "Rejects the call. callfold outcomes list names field and mend; then callfold outcomes retry.",
	"unknown":     "A code that callfold does not know: callfold outcomes list names the calls, and callfold call show has Salesforce's message.",
	"stale_match": "Nothing: a record was deleted or converted meanwhile, and the call is matched anew.",
	"stale_owner": "Nothing at once: the next owner of the ladder is taken. Many: activate the agents, or give them the right to read Tasks.",
	"wrong_lane":  "Nothing: the Task exists, and is updated.",
	"contention":  "Nothing while it is rare. Often: look for jobs that update many records of the same Accounts.",
	"collateral":  "Nothing: another row of the request was the cause.",
}

// Mend says what to do about a class of errors of the sink, or a reason why it is
// paused; empty where there is no such class.
func Mend(class string) string { return mends[class] }

// mendWords show the mend of a class instead of its name.
func mendWords() []Word {
	var words []Word
	for _, class := range slices.Sorted(maps.Keys(mends)) {
		words = append(words, Word{Value: class, Text: mends[class]})
	}
	return words
}

// errorsByClass is what goes wrong in Salesforce, with what to do about it.
func errorsByClass() Panel {
	// A second copy of the class becomes the column with the mend.
	withMend := func(expr string) string { return `label_replace(` + expr + `,"mend","$1","class","(.*)")` }
	return Panel{
		Kind: Table, Title: "What goes wrong in Salesforce, and the mend", Unit: Count, Height: 9,
		Description: "Good: empty, or a few rows that say \"nothing\". A class that stops the sink rejects no call: they wait. Rows of the time that is chosen; a call that is tried again counts each time.",
		Queries: []Query{
			{Expr: withMend(`max by (class) (label_replace(callfold_sink_paused{$here},"class","$1","reason","(.+)"))`), Legend: "{{class}}"},
			{Expr: withMend(`sum by (class) (increase(callfold_sink_refusals_total{$here}[$__range]))`), Legend: "{{class}}"},
			{Expr: withMend(`sum by (class) (increase(callfold_sink_retries_total{$here}[$__range]))`), Legend: "{{class}}"},
		},
		Columns: []Column{
			{Field: "class", Title: "Class", Width: 110},
			{Field: "Value #A", Title: "Stops now", Width: 100, Words: []Word{{Value: "0", Text: "no"}, {Value: "1", Text: "STOPS", Color: Red}}},
			{Field: "Value #B", Title: "Rejected", Width: 100},
			{Field: "Value #C", Title: "Tried again", Width: 110},
			{Field: "mend", Title: "What to do", Words: mendWords()},
		},
		Empty: "–", More: "sink",
	}
}
