package schemas

import (
	"cmp"
	"slices"
	"strings"
)

// Total orders of the values. They decide between two values of one key, and
// the order inside the lists; where a field's order does not matter for people
// it is simply that of the struct.

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func compareUsers(a, b User) int {
	return cmp.Or(
		cmp.Compare(a.ID, b.ID),
		strings.Compare(a.Name, b.Name),
		strings.Compare(a.Email, b.Email),
	)
}

func compareContacts(a, b Contact) int {
	return cmp.Or(
		cmp.Compare(a.ID, b.ID),
		strings.Compare(a.FirstName, b.FirstName),
		strings.Compare(a.LastName, b.LastName),
		strings.Compare(a.Company, b.Company),
	)
}

func compareCommands(a, b Command) int {
	return cmp.Or(
		strings.Compare(a.Who, b.Who),
		strings.Compare(a.Why, b.Why),
		strings.Compare(a.StateHash, b.StateHash),
	)
}

func compareParties(a, b TransferParties) int {
	return cmp.Or(compareUsers(a.By, b.By), compareUsers(a.To, b.To))
}

// compareTransfers orders by key first: the list is in the order of events.
func compareTransfers(a, b Transfer) int {
	return cmp.Or(
		a.At.Compare(b.At),
		compareBools(a.Failed, b.Failed),
		compareParties(a.TransferParties, b.TransferParties),
	)
}

// compareTags orders as F3 shows them: by time, then id.
func compareTags(a, b Tag) int {
	return cmp.Or(
		cmp.Compare(a.TaggedAt, b.TaggedAt),
		cmp.Compare(a.ID, b.ID),
		strings.Compare(a.Name, b.Name),
		cmp.Compare(a.By, b.By),
	)
}

func compareTagLists(a, b []Tag) int { return slices.CompareFunc(a, b, compareTags) }

// compareComments orders as F18 shows them: by time, then id.
func compareComments(a, b Comment) int {
	return cmp.Or(
		cmp.Compare(a.PostedAt, b.PostedAt),
		cmp.Compare(a.ID, b.ID),
		strings.Compare(a.Content, b.Content),
		compareUsers(a.By, b.By),
	)
}

func compareCommentLists(a, b []Comment) int { return slices.CompareFunc(a, b, compareComments) }
