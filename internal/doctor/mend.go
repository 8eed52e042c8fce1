package doctor

import (
	"errors"
	"fmt"
	"slices"

	"github.com/callfold/callfold/internal/salesforce"
)

// mends say where to click for a refusal of a whole request, by its code.
var mends = map[string]string{
	"invalid_client_id":       "salesforce.auth.client_id must be the consumer key: Setup > External Client App Manager > the app > Settings > OAuth Settings > Consumer Key and Secret; a new app takes some minutes to work",
	"invalid_client":          "salesforce.auth.client_secret_file must hold the consumer secret: Setup > External Client App Manager > the app > Settings > OAuth Settings > Consumer Key and Secret",
	"invalid_grant":           "Setup > External Client App Manager > the app > Policies: let admin-approved users be pre-authorized and select a permission set of the integration user; compare salesforce.auth.username, the certificate in the app, this machine's clock, and for a sandbox salesforce.login_url (docs/salesforce.md, Signing in)",
	"invalid_app_access":      "Setup > External Client App Manager > the app > Policies: select a permission set that the integration user has",
	"inactive_user":           "Setup > Users > the integration user > Edit: tick Active",
	"unsupported_grant_type":  "Setup > External Client App Manager > the app > Settings: enable the flow of salesforce.auth.flow, and name the org's My Domain in salesforce.login_url",
	"INVALID_SESSION_ID":      "Setup > Session Settings and the integration user's profile: allow this host's address, and tick API Enabled",
	"API_DISABLED_FOR_ORG":    "the edition of the org has no API, or Setup > Permission Sets > the integration user's > System Permissions: tick API Enabled",
	"API_CURRENTLY_DISABLED":  "Setup > Permission Sets > the integration user's > System Permissions: tick API Enabled",
	"REQUEST_LIMIT_EXCEEDED":  "the org has used up its API requests: Setup > Company Information shows them; they come back hour by hour",
	"INVALID_FIELD":           "Setup > Object Manager > the object > Fields & Relationships > the field > Set Field-Level Security: make it visible to the integration user",
	"OAUTH_APP_ACCESS_DENIED": "Setup > External Client App Manager > the app > Policies: select a permission set that the integration user has",
}

// mendOf says how to mend that a request failed.
func mendOf(err error) string {
	var refusal *salesforce.Error
	var unanswered *salesforce.Unanswered
	switch {
	case errors.As(err, &refusal):
		if mend, ok := mends[refusal.Code]; ok {
			return mend
		}
		if refusal.Status >= 500 {
			return "Salesforce is in trouble (status.salesforce.com): run callfold doctor again later"
		}
		return "act on the message, then run callfold doctor again"
	case errors.As(err, &unanswered):
		return "look whether this host reaches salesforce.login_url and the org (proxy, firewall, status.salesforce.com)"
	}
	return "look at the section salesforce of the settings"
}

// callCenterFields of Task know no field-level security: everybody sees them in
// an org with Salesforce CRM Call Center ("Object Reference", Task).
var callCenterFields = []string{"CallDisposition", "CallDurationInSeconds", "CallObject", "CallType"}

// fieldSecurity is where a field is shown to the integration user.
func fieldSecurity(object, field string) string {
	if object == "Task" && slices.Contains(callCenterFields, field) {
		return "Setup > Call Centers: enable Salesforce CRM Call Center, which shows this field to every user"
	}
	return fmt.Sprintf("Setup > Object Manager > %s > Fields & Relationships > %s > Set Field-Level Security: tick Visible, and not Read-Only, for the integration user's profile or permission set", setupObject(object, field), field)
}

// fieldNew is where a custom field is made.
func fieldNew(object, field, kind string) string {
	return fmt.Sprintf("Setup > Object Manager > %s > Fields & Relationships > New: %s, API name %s", setupObject(object, field), kind, field)
}

// setupObject is the object under which Setup has a field: custom fields of Task
// are Activity's.
func setupObject(object, field string) string {
	if object == "Task" && custom(field) {
		return "Activity"
	}
	return object
}

// custom says whether a field is not one of Salesforce's own.
func custom(field string) bool { return len(field) > 3 && field[len(field)-3:] == "__c" }

// objectSettings is where a right to an object is given.
func objectSettings(object, right string) string {
	if object == "Task" {
		return "Setup > Permission Sets > the integration user's > System Permissions: tick Edit Tasks and Access Activities"
	}
	return fmt.Sprintf("Setup > Permission Sets > the integration user's > Object Settings > %s > Edit: tick %s", object, right)
}
