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
	id := max(a.ID, b.ID)
	if a.Erased.Known() || b.Erased.Known() {
		return erased(id, joinLatest(a.Erased, b.Erased, compareCommands))
	}
	return Call{
		ID:               id,
		Newest:           maxKey(a.Newest, b.Newest),
		UUID:             joinLatest(a.UUID, b.UUID, strings.Compare),
		Direction:        joinEarliest(a.Direction, b.Direction, strings.Compare),
		Status:           max(a.Status, b.Status),
		StartedAt:        joinMin(a.StartedAt, b.StartedAt),
		AnsweredAt:       joinMin(a.AnsweredAt, b.AnsweredAt),
		EndedAt:          joinLatest(a.EndedAt, b.EndedAt, cmp.Compare),
		EndedEvent:       joinMin(a.EndedEvent, b.EndedEvent),
		VoicemailLeft:    a.VoicemailLeft || b.VoicemailLeft,
		Conference:       a.Conference || b.Conference,
		MissedReason:     joinLatest(a.MissedReason, b.MissedReason, strings.Compare),
		External:         joinLatest(a.External, b.External, strings.Compare),
		Number:           joinNumbers(a.Number, b.Number),
		Contact:          joinLatest(a.Contact, b.Contact, compareContacts),
		Agents:           joinAgents(a.Agents, b.Agents),
		Transfers:        joinTransfers(a.Transfers, b.Transfers),
		RESTTransfer:     joinLatest(a.RESTTransfer, b.RESTTransfer, compareParties),
		ExternalTransfer: joinLatest(a.ExternalTransfer, b.ExternalTransfer, strings.Compare),
		AssignedTo:       joinLatest(a.AssignedTo, b.AssignedTo, compareUsers),
		Archived:         joinLatest(a.Archived, b.Archived, compareBools),
		IVROptions:       joinLists(a.IVROptions, b.IVROptions, slices.Compare),
		Recording:        joinLatest(a.Recording, b.Recording, strings.Compare),
		Voicemail:        joinLatest(a.Voicemail, b.Voicemail, strings.Compare),
		Asset:            joinLatest(a.Asset, b.Asset, strings.Compare),
		Tags:             joinLists(a.Tags, b.Tags, compareTagLists),
		Comments:         joinLists(a.Comments, b.Comments, compareCommentLists),
		Rewrite:          joinLatest(a.Rewrite, b.Rewrite, compareCommands),
		Rematch:          joinLatest(a.Rematch, b.Rematch, compareCommands),
		Retry:            joinLatest(a.Retry, b.Retry, compareCommands),
		Unknown:          slices.Clone(joinUnknown(a.Unknown, b.Unknown)),
	}
}

// erased is the state of an erased call. Its Newest is the erasure's own key:
// were it the newest key of all events, a late event would still change the
// state, and the keys hold a hash of what was erased.
func erased(id int64, by Latest[Command]) Call {
	return Call{ID: id, Newest: by.At, Erased: by}
}

// joinLatest is the value with the greater key; of one key, the greater value.
func joinLatest[T any](a, b Latest[T], compare func(T, T) int) Latest[T] {
	if c := a.At.Compare(b.At); c > 0 || c == 0 && compare(a.Value, b.Value) >= 0 {
		return a
	}
	return b
}

// joinLists is joinLatest with a copy of the list.
func joinLists[T any](a, b Latest[[]T], compare func([]T, []T) int) Latest[[]T] {
	l := joinLatest(a, b, compare)
	l.Value = slices.Clone(l.Value)
	return l
}

// joinEarliest is the known value with the least key; of one key, the lesser.
func joinEarliest[T any](a, b Latest[T], compare func(T, T) int) Latest[T] {
	switch {
	case !a.Known():
		return b
	case !b.Known():
		return a
	}
	if c := a.At.Compare(b.At); c < 0 || c == 0 && compare(a.Value, b.Value) <= 0 {
		return a
	}
	return b
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

func joinNumbers(a, b Number) Number {
	return Number{
		ID:       joinLatest(a.ID, b.ID, cmp.Compare),
		Name:     joinLatest(a.Name, b.Name, strings.Compare),
		Digits:   joinLatest(a.Digits, b.Digits, strings.Compare),
		Country:  joinLatest(a.Country, b.Country, strings.Compare),
		TimeZone: joinLatest(a.TimeZone, b.TimeZone, strings.Compare),
	}
}

// joinAgents merges two lists that are ordered by id. Of more than maxAgents
// those with the lowest ids are kept.
func joinAgents(a, b []Agent) []Agent {
	if len(a)+len(b) == 0 {
		return nil
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
	merged = merged[:min(len(merged), maxAgents)]
	for i := range merged {
		merged[i].Seen = slices.Clone(merged[i].Seen)
	}
	return merged
}

func joinAgent(a, b Agent) Agent {
	seen := slices.Concat(a.Seen, b.Seen)
	slices.Sort(seen)
	seen = slices.Compact(seen)
	return Agent{
		ID:    a.ID,
		At:    maxKey(a.At, b.At),
		Name:  joinLatest(a.Name, b.Name, strings.Compare),
		Email: joinLatest(a.Email, b.Email, strings.Compare),
		Seen:  seen[:min(len(seen), maxSeen)],
	}
}

// joinTransfers is the union; of more than maxTransfers the newest are kept.
func joinTransfers(a, b []Transfer) []Transfer {
	if len(a)+len(b) == 0 {
		return nil
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
