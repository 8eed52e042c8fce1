package reconcile

import (
	"fmt"
	"slices"
)

// Policy says what is mended.
type Policy string

// The policies.
const (
	// Off looks for nothing.
	Off Policy = "off"
	// Report says what is wrong, and mends nothing.
	Report Policy = "report"
	// Fill makes the Tasks that are missing or were deleted, and fills what is empty:
	// it overwrites nothing. A Task of which one differing field has a value is left
	// alone, since a rewrite would write that, too.
	Fill Policy = "fill"
	// Overwrite also writes what people changed, but for the fields that
	// tasks.preserve_edits names.
	Overwrite Policy = "overwrite"
)

// Policies are those that look at something.
var Policies = []Policy{Report, Fill, Overwrite}

// ParsePolicy reads a policy that looks at something.
func ParsePolicy(text string) (Policy, error) {
	if p := Policy(text); slices.Contains(Policies, p) {
		return p, nil
	}
	return "", fmt.Errorf("%q is no policy: use one of %v", text, Policies)
}

// mends tells whether the policy mends a Task that is not as it should be, and is
// empty (or not there at all) or not in what differs.
func (p Policy) mends(empty bool) bool { return p == Overwrite || p == Fill && empty }

// Kind says in which way Salesforce is not as the log wants it. It is a closed set and
// serves as a metric label.
type Kind string

// The kinds. The last three are mended by no policy: what is not ours, or of which it is
// not known which is to stay, is never written to, let alone deleted. A [Walk] finds all
// but Outdated and Foreign.
const (
	// Missing is a call without a Task, that never had one as far as is known.
	Missing Kind = "missing"
	// Deleted is a call whose Task somebody deleted.
	Deleted Kind = "deleted"
	// Edited is a Task with fields that somebody changed since they were written.
	Edited Kind = "edited"
	// Outdated is a Task that holds what was written, but the rules or the call want
	// something else now.
	Outdated Kind = "outdated"
	// Duplicated, Foreign and Orphaned are those of the package replay.
	Duplicated Kind = "duplicated"
	Foreign    Kind = "foreign"
	Orphaned   Kind = "orphaned"
)

// Kinds are all of them, in the order in which they are told.
var Kinds = []Kind{Missing, Deleted, Edited, Outdated, Duplicated, Foreign, Orphaned}

// Mend says how a person mends what no policy does; empty for the other kinds.
func (k Kind) Mend() string {
	switch k {
	case Duplicated:
		return "several Tasks have the external id of one call: make the field unique, and delete all of them but one; the sink then writes that one"
	case Foreign:
		return "another integration logs the same calls, with their ids in CallObject: switch one of the two off, and delete the Tasks that are not wanted"
	case Orphaned:
		return "no call of the log has this external id: look whether these Tasks are another installation's, or of calls that were lost; delete them, or fetch the calls"
	}
	return ""
}
