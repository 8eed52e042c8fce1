package doctor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/callfold/callfold/internal/salesforce"
)

// users looks at who can own Tasks (O1–O4): the same users as the sink's.
func (o *org) users(ctx context.Context) {
	records, err := o.query(ctx, "SELECT Id, Username, Email, IsActive FROM User WHERE UserType = 'Standard'")
	if err != nil {
		o.wrong("users", "could not be read: "+err.Error(), mendOf(err))
		return
	}
	byName := map[string]salesforce.Record{}
	active, withEmail := 0, 0
	for _, r := range records {
		byName[strings.ToLower(text(r, "Username"))] = r
		byName[shortID(text(r, "Id"))] = r
		if yes(r, "IsActive") {
			active++
			if text(r, "Email") != "" && shortID(text(r, "Id")) != shortID(o.userID) {
				withEmail++
			}
		}
	}
	found := fmt.Sprintf("%d active; %d of them have an e-mail and can be agents (O1)", active, withEmail)
	if withEmail == 0 {
		o.wrong("users", found, "Setup > Users: give agents the e-mail that they have in Aircall; or let the integration user see them (System Permissions > View All Users)")
	} else {
		o.ok("users", found)
	}
	o.agents(ctx, records)
	owner := o.settings.Owner
	if owner.Fallback != "" && slices.Contains(slices.Concat(owner.Answered, owner.Unanswered), "fallback") {
		o.user("owner.fallback", owner.Fallback, "O4", byName)
	}
	for _, email := range slices.Sorted(maps.Keys(owner.Aliases)) {
		o.user("owner.aliases."+email, owner.Aliases[email], "O1", byName)
	}
}

// user looks whether a user of the settings can own Tasks.
func (o *org) user(setting, name, rule string, byName map[string]salesforce.Record) {
	r, ok := byName[strings.ToLower(name)]
	if !ok && rule == "O4" { // the only setting that also takes an Id
		r, ok = byName[shortID(name)]
	}
	switch {
	case !ok:
		o.wrong(setting, name+" is no user that the integration user may see ("+rule+")", "correct the setting: Setup > Users shows the user names")
	case !yes(r, "IsActive"):
		o.wrong(setting, name+" is inactive ("+rule+")", "Setup > Users > the user > Edit: tick Active; or name another user")
	default:
		o.ok(setting, name+" is active ("+rule+")")
	}
}

// shortID is an Id in its form of 15 characters.
func shortID(id string) string {
	if len(id) == 18 {
		return id[:15]
	}
	return id
}
