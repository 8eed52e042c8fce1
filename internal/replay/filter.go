package replay

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
)

// Filter chooses calls. Of each list that is not empty a call must have one; the zero
// Filter chooses all.
type Filter struct {
	// From and To bound when the call was created in Aircall, From included, To not.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
	// Numbers are ids of Aircall numbers.
	Numbers []int64 `json:"numbers,omitempty"`
	// Agents are ids or e-mail addresses of Aircall users who handled the call.
	Agents []string `json:"agents,omitempty"`
	// Kinds are those of rule L3, such as missed.
	Kinds []string `json:"kinds,omitempty"`
	// Tags are names of tags, compared without case.
	Tags []string `json:"tags,omitempty"`
	// Outcomes are the results of the sink's last look.
	Outcomes []schemas.Result `json:"outcomes,omitempty"`
	// Unmatched chooses calls that belong to no Salesforce record.
	Unmatched bool `json:"unmatched,omitzero"`
	// IDs are Aircall's call ids.
	IDs map[int64]bool `json:"ids,omitempty"`
}

// Check says what is wrong with the filter.
func (f Filter) Check() error {
	for _, k := range f.Kinds {
		if !slices.Contains(projector.Kinds, projector.Kind(k)) {
			return fmt.Errorf("%q is no kind of call: use one of %v", k, projector.Kinds)
		}
	}
	if !f.From.IsZero() && !f.To.IsZero() && !f.From.Before(f.To) {
		return errors.New("the time from which calls are wanted is not before the one up to which they are")
	}
	return nil
}

// all tells whether the filter chooses every call.
func (f Filter) all() bool {
	return f.From.IsZero() && f.To.IsZero() && !f.Unmatched &&
		len(f.IDs)+len(f.Numbers)+len(f.Agents)+len(f.Kinds)+len(f.Tags)+len(f.Outcomes) == 0
}

// wants tells whether the filter chooses a call.
func (f Filter) wants(c *schemas.Call, o *schemas.Outcome) bool {
	started := time.Unix(c.StartedAt, 0)
	switch {
	case !f.From.IsZero() && started.Before(f.From),
		!f.To.IsZero() && !started.Before(f.To),
		len(f.IDs) > 0 && !f.IDs[c.ID],
		len(f.Numbers) > 0 && !slices.Contains(f.Numbers, c.Number.ID.Value),
		len(f.Kinds) > 0 && !slices.Contains(f.Kinds, string(projector.KindOf(c))),
		len(f.Outcomes) > 0 && !slices.Contains(f.Outcomes, o.Result),
		f.Unmatched && o.Match != nil:
		return false
	}
	return oneOf(f.Agents, len(c.Agents), func(agent string, i int) bool {
		a := &c.Agents[i]
		return agent == strconv.FormatInt(a.ID, 10) || strings.EqualFold(agent, a.Email.Value)
	}) && oneOf(f.Tags, len(c.Tags.Value), func(tag string, i int) bool { return strings.EqualFold(tag, c.Tags.Value[i].Name) })
}

// oneOf tells whether one of n things is as one of the wishes; without wishes all are.
func oneOf(wishes []string, n int, is func(wish string, i int) bool) bool {
	if len(wishes) == 0 {
		return true
	}
	for i := range n {
		if slices.ContainsFunc(wishes, func(w string) bool { return is(w, i) }) {
			return true
		}
	}
	return false
}
