package traffic

// Kind names a life cycle of a call.
type Kind string

// The kinds of life cycles. What each guarantees is in the table of kinds;
// holds, tags, notes and the work after a call appear in the other kinds too,
// by chance.
const (
	AnsweredInbound        Kind = "answered_inbound"
	AnsweredOutbound       Kind = "answered_outbound"
	UnansweredOutbound     Kind = "unanswered_outbound"
	MissedAgentsSilent     Kind = "missed_agents_did_not_answer"
	MissedNoAgent          Kind = "missed_no_available_agent"
	MissedShortAbandoned   Kind = "missed_short_abandoned"
	MissedAbandonedIVR     Kind = "missed_abandoned_in_ivr"
	MissedAbandonedClassic Kind = "missed_abandoned_in_classic"
	MissedAbandoned        Kind = "missed_abandoned"
	MissedNoReason         Kind = "missed_without_reason"
	OutOfOpeningHours      Kind = "out_of_opening_hours"
	Voicemail              Kind = "voicemail"
	TransferAnswered       Kind = "transfer_answered"
	TransferFailed         Kind = "transfer_failed"
	TransferRetried        Kind = "transfer_failed_then_answered"
	TransferTeam           Kind = "transfer_to_team"
	TransferExternal       Kind = "transfer_external"
	IVR                    Kind = "ivr"
	Held                   Kind = "held"
	Tagged                 Kind = "tagged"
	Noted                  Kind = "noted"
	LongNote               Kind = "long_note"
	ManyTags               Kind = "many_tags"
	Conference             Kind = "conference"
	Anonymous              Kind = "anonymous"
	TwoEnded               Kind = "internal_two_ended"
	NeverEnds              Kind = "never_ends"
	UnusualNames           Kind = "unusual_names"
)

// lifeCycle is one row of the table of kinds.
type lifeCycle struct {
	kind   Kind
	weight int // calls in a thousand
	script func(*life)
}

// lifeCycles is the mix of a call centre: calls in a thousand, by kind. The
// weights add up to 1,000; docs/traffic.md says what each kind guarantees.
var lifeCycles = []lifeCycle{
	{AnsweredInbound, 215, answeredInbound},
	{AnsweredOutbound, 170, answeredOutbound},
	{UnansweredOutbound, 130, unansweredOutbound},
	{MissedAgentsSilent, 60, missedAgentsSilent},
	{MissedNoAgent, 30, missedNoAgent},
	{MissedShortAbandoned, 30, missedShortAbandoned},
	{MissedAbandonedIVR, 20, missedAbandonedIVR},
	{MissedAbandonedClassic, 20, missedAbandonedClassic},
	{MissedAbandoned, 10, missedAbandoned},
	{MissedNoReason, 10, missedNoReason},
	{OutOfOpeningHours, 30, outOfOpeningHours},
	{Voicemail, 50, voicemail},
	{TransferAnswered, 30, transferAnswered},
	{TransferFailed, 15, transferFailed},
	{TransferRetried, 5, transferRetried},
	{TransferTeam, 15, transferTeam},
	{TransferExternal, 10, transferExternal},
	{IVR, 30, ivr},
	{Held, 25, held},
	{Tagged, 25, tagged},
	{Noted, 25, noted},
	{LongNote, 2, longNote},
	{ManyTags, 2, manyTags},
	{Conference, 10, conference},
	{Anonymous, 10, anonymous},
	{TwoEnded, 10, twoEnded},
	{NeverEnds, 5, neverEnds},
	{UnusualNames, 6, unusualNames},
}

// Kinds returns every kind of life cycle, in the order of the table.
func Kinds() []Kind {
	kinds := make([]Kind, len(lifeCycles))
	for i, c := range lifeCycles {
		kinds[i] = c.kind
	}
	return kinds
}

// kindAt returns the kind that the number n, from 0 to 999, falls on.
func kindAt(n int) Kind {
	for _, c := range lifeCycles {
		if n -= c.weight; n < 0 {
			return c.kind
		}
	}
	return AnsweredInbound
}

// scriptOf returns the script of a kind. An unknown kind is a mistake of the
// caller, which Kinds prevents.
func scriptOf(kind Kind) func(*life) {
	for _, c := range lifeCycles {
		if c.kind == kind {
			return c.script
		}
	}
	panic("traffic: no such kind of call: " + string(kind))
}
