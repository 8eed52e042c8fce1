package schemas

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// Join is everything that a and b know about one call. It is commutative,
// associative and idempotent, with the zero Call as its identity; that is what
// makes the order of events, duplicates and the places where a log was cut
// into batches irrelevant. Both must be states of the same call.
//
// Each field has a join of its own: the least (times of beginning, direction by
// key), the greatest (status, flags), the one with the greater key
// (everything that is a [Latest]), or the union (agents, transfers). Where two
// values have the same key, which happens when Aircall signed a link anew
// within one second, the greater value counts.
//
// The result shares no memory with a or b that could be changed.
func Join(a, b Call) Call {
	a.join(&b)
	a.Agents = slices.Clone(a.Agents)
	for i := range a.Agents {
		a.Agents[i].Seen = slices.Clone(a.Agents[i].Seen)
	}
	a.Transfers = slices.Clone(a.Transfers)
	a.IVROptions.Value = slices.Clone(a.IVROptions.Value)
	a.Tags.Value = slices.Clone(a.Tags.Value)
	a.Comments.Value = slices.Clone(a.Comments.Value)
	a.Unknown = slices.Clone(a.Unknown)
	return a
}

// join makes c the join of c and b. Lists are replaced, never changed: c may share
// them with other states before, and shares them with b afterwards.
func (c *Call) join(b *Call) {
	c.ID = max(c.ID, b.ID)
	joinLatest(&c.Erased, &b.Erased, compareCommands)
	if c.Erased.Known() {
		*c = erased(c.ID, c.Erased)
		return
	}
	c.Newest = maxKey(c.Newest, b.Newest)
	joinLatest(&c.UUID, &b.UUID, strings.Compare)
	joinEarliest(&c.Direction, &b.Direction, strings.Compare)
	c.Status = max(c.Status, b.Status)
	c.StartedAt = joinMin(c.StartedAt, b.StartedAt)
	c.AnsweredAt = joinMin(c.AnsweredAt, b.AnsweredAt)
	joinLatest(&c.EndedAt, &b.EndedAt, cmp.Compare)
	c.EndedEvent = joinMin(c.EndedEvent, b.EndedEvent)
	c.VoicemailLeft = c.VoicemailLeft || b.VoicemailLeft
	c.Conference = c.Conference || b.Conference
	joinLatest(&c.MissedReason, &b.MissedReason, strings.Compare)
	joinLatest(&c.External, &b.External, strings.Compare)
	joinNumbers(&c.Number, &b.Number)
	joinLatest(&c.Contact, &b.Contact, compareContacts)
	c.Agents = joinAgents(c.Agents, b.Agents)
	c.Transfers = joinTransfers(c.Transfers, b.Transfers)
	joinLatest(&c.RESTTransfer, &b.RESTTransfer, compareParties)
	joinLatest(&c.ExternalTransfer, &b.ExternalTransfer, strings.Compare)
	joinLatest(&c.AssignedTo, &b.AssignedTo, compareUsers)
	joinLatest(&c.Archived, &b.Archived, compareBools)
	joinLatest(&c.IVROptions, &b.IVROptions, slices.Compare)
	joinLatest(&c.Recording, &b.Recording, strings.Compare)
	joinLatest(&c.Voicemail, &b.Voicemail, strings.Compare)
	joinLatest(&c.Asset, &b.Asset, strings.Compare)
	joinLatest(&c.Tags, &b.Tags, compareTagLists)
	joinLatest(&c.Comments, &b.Comments, compareCommentLists)
	joinLatest(&c.Rewrite, &b.Rewrite, compareCommands)
	joinLatest(&c.Rematch, &b.Rematch, compareCommands)
	joinLatest(&c.Retry, &b.Retry, compareCommands)
	c.Unknown = joinUnknown(c.Unknown, b.Unknown)
}

// erased is the state of an erased call. Its Newest is the erasure's own key:
// were it the newest key of all events, a late event would still change the
// state, and the keys hold a hash of what was erased.
func erased(id int64, by Latest[Command]) Call {
	return Call{ID: id, Newest: by.At, Erased: by}
}

// joinLatest makes a the value with the greater key; of one key, the greater value.
func joinLatest[T any](a, b *Latest[T], compare func(T, T) int) {
	if !b.Known() {
		return
	}
	if c := a.At.Compare(b.At); c < 0 || c == 0 && compare(a.Value, b.Value) < 0 {
		*a = *b
	}
}

// joinEarliest makes a the known value with the least key; of one key, the lesser.
func joinEarliest[T any](a, b *Latest[T], compare func(T, T) int) {
	if !b.Known() {
		return
	}
	if c := a.At.Compare(b.At); !a.Known() || c > 0 || c == 0 && compare(a.Value, b.Value) > 0 {
		*a = *b
	}
}

// joinMin is the lesser of two times, of which 0 is unknown.
func joinMin(a, b int64) int64 {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

func maxKey(a, b Key) Key {
	if a.Compare(b) >= 0 {
		return a
	}
	return b
}

func joinNumbers(a, b *Number) {
	joinLatest(&a.ID, &b.ID, cmp.Compare)
	joinLatest(&a.Name, &b.Name, strings.Compare)
	joinLatest(&a.Digits, &b.Digits, strings.Compare)
	joinLatest(&a.Country, &b.Country, strings.Compare)
	joinLatest(&a.TimeZone, &b.TimeZone, strings.Compare)
}

// joinAgents merges two lists that are ordered by id. Of more than maxAgents
// those with the lowest ids are kept.
func joinAgents(a, b []Agent) []Agent {
	switch {
	case len(b) == 0:
		return a
	case len(a) == 0:
		return b
	}
	merged := make([]Agent, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].ID < b[0].ID:
			merged, a = append(merged, a[0]), a[1:]
		case a[0].ID > b[0].ID:
			merged, b = append(merged, b[0]), b[1:]
		default:
			merged, a, b = append(merged, joinAgent(a[0], b[0])), a[1:], b[1:]
		}
	}
	merged = append(append(merged, a...), b...)
	return merged[:min(len(merged), maxAgents)]
}

func joinAgent(a, b Agent) Agent {
	a.At = maxKey(a.At, b.At)
	joinLatest(&a.Name, &b.Name, strings.Compare)
	joinLatest(&a.Email, &b.Email, strings.Compare)
	a.Seen = joinSeen(a.Seen, b.Seen)
	return a
}

// joinSeen is the union; of more than maxSeen the earliest are kept.
func joinSeen(a, b []int64) []int64 {
	seen := slices.Concat(a, b)
	slices.Sort(seen)
	seen = slices.Compact(seen)
	return seen[:min(len(seen), maxSeen)]
}

// joinTransfers is the union; of more than maxTransfers the newest are kept.
func joinTransfers(a, b []Transfer) []Transfer {
	switch {
	case len(b) == 0:
		return a
	case len(a) == 0:
		return b
	}
	merged := slices.Concat(a, b)
	slices.SortFunc(merged, compareTransfers)
	merged = slices.Compact(merged)
	return merged[max(0, len(merged)-maxTransfers):]
}

// joinUnknown keeps the fields of a newer binary. A fold never meets two sets
// of them; should it happen, the greater bytes are kept, which obeys the laws.
func joinUnknown[V ~[]byte](a, b V) V {
	if bytes.Compare(a, b) >= 0 {
		return a
	}
	return b
}
