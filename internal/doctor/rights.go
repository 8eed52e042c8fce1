package doctor

import (
	"context"
	"errors"

	"github.com/callfold/callfold/internal/salesforce"
)

// tasksOfOthers looks whether the integration user may change Tasks that belong
// to agents. UserPermissionAccess (API 41.0 and later) holds one record: what
// the signed-in user may do by profile and permission sets together. It cannot
// tell what sharing allows beside that.
func (o *org) tasksOfOthers(ctx context.Context) {
	const what = "Tasks of others"
	records, err := o.query(ctx, "SELECT PermissionsEditTask, PermissionsModifyAllData FROM UserPermissionAccess")
	var refusal *salesforce.Error
	switch {
	case hidden(err), errors.As(err, &refusal) && refusal.Code == "INVALID_FIELD", err == nil && len(records) == 0:
		o.advise(what, "could not be checked: the org does not tell what the integration user may do (UserPermissionAccess)",
			"Setup > Users > the integration user > View Summary: look for Edit Tasks, and Modify All Data or sharing that amounts to it")
		return
	case err != nil:
		o.advise(what, "could not be checked: "+err.Error(), mendOf(err))
		return
	}
	switch {
	case !yes(records[0], "PermissionsEditTask"):
		o.wrong(what, "the integration user lacks Edit Tasks", "Setup > Permission Sets > the integration user's > System Permissions: tick Edit Tasks")
	case yes(records[0], "PermissionsModifyAllData"):
		o.ok(what, "may be changed (Edit Tasks, Modify All Data)")
	default:
		o.advise(what, "may be changed only as far as sharing lets the integration user edit their records, as it lacks Modify All Data",
			"Setup > Sharing Settings: Activity must be Controlled by Parent, and the user may edit the Contacts, Leads, Accounts, Cases and Opportunities that are called about; or Setup > Permission Sets > the integration user's > System Permissions: tick Modify All Data")
	}
}

// yes is a checkbox of a record.
func yes(r salesforce.Record, field string) bool {
	b, _ := r[field].(bool)
	return b
}
