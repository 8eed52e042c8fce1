package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/projector"
)

// agents looks, where there is an API key of Aircall's, which of its users are no
// Salesforce users (O1). Their e-mails are named: whoever runs this has to mend it.
func (o *org) agents(ctx context.Context, users []salesforce.Record) {
	const what = "agents"
	if !o.options.asksAircall() || !slices.Contains(slices.Concat(o.settings.Owner.Answered, o.settings.Owner.Unanswered), "agent") {
		return
	}
	found, err := listAircall(ctx, o.options, "users")
	if err != nil {
		o.advise(what, "could not be compared with Aircall's users: "+err.Error(), "look at the lines about aircall, then run callfold doctor again")
		return
	}
	var known []projector.User
	for _, r := range users {
		known = append(known, projector.User{
			ID: text(r, "Id"), Username: text(r, "Username"), Email: text(r, "Email"), IsActive: yes(r, "IsActive"),
		})
	}
	org := projector.Org{Users: projector.NewDirectory(known)}
	var emails, unmapped []string
	for _, user := range found {
		email := strings.ToLower(user.Get("email").String())
		if email == "" || slices.Contains(emails, email) {
			continue
		}
		emails = append(emails, email)
		if !o.rules.HasUser(email, org) {
			unmapped = append(unmapped, email)
		}
	}
	slices.Sort(unmapped)
	tell := o.advise
	switch len(unmapped) {
	case 0:
		o.ok(what, fmt.Sprintf("all %d of Aircall's users are active Salesforce users (O1)", len(emails)))
		return
	case len(emails):
		tell = o.wrong // the two do not fit each other at all
	}
	tell(what, fmt.Sprintf("%d of %d of Aircall's users are no active Salesforce users, so their calls go to the next rung of the ladder (O1, O2): %s", len(unmapped), len(emails), short(unmapped)),
		"Setup > Users: give each the e-mail that they have in Aircall; or name them in owner.aliases; who never calls may stay")
}

// mostNames is how many names one line holds.
const mostNames = 20

// short lists names, not too many.
func short(names []string) string {
	if len(names) <= mostNames {
		return listed(names)
	}
	return fmt.Sprintf("%s and %d more", listed(names[:mostNames]), len(names)-mostNames)
}
