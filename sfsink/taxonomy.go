package sfsink

// class is what an error wants to have done. It is a closed set and serves as a
// metric label.
type class string

// The classes. The first five concern everybody: they stop the turn.
const (
	classSignIn   class = "sign_in"  // the sign-in is refused
	classConfig   class = "config"   // every row would fail the same way
	classOrg      class = "org"      // the org as a whole takes no writes
	classThrottle class = "throttle" // the allocation or the concurrency limit is used up
	classOutage   class = "outage"   // Salesforce or the network is down

	classHeavy      class = "heavy"       // this request was too much at once
	classPoison     class = "poison"      // a row of this request makes all of it unreadable
	classDuplicate  class = "duplicate"   // several Tasks have the call's external id
	classPermanent  class = "permanent"   // this row is refused for good
	classStaleMatch class = "stale_match" // a record that the row refers to is gone
	classStaleOwner class = "stale_owner" // the owner can own nothing any more
	classWrongLane  class = "wrong_lane"  // the Task exists: update it
	classContention class = "contention"  // somebody else writes the same rows
	classCollateral class = "collateral"  // refused because of another row
	classUnknown    class = "unknown"     // a code that is not in the table
)

// kind is an entry of the taxonomy.
type kind struct {
	class class
	// fix says to an administrator what to mend; empty where nothing is to be
	// done by a person.
	fix string
}

const fixMoved = "The org has moved to another address, or a page of maintenance answers: wait; if it stays so, check salesforce.login_url (My Domain)."

// taxonomy says what each of Salesforce's codes means to the sink: statusCode
// of a row, errorCode of a request, error of the token endpoint, and HTTP_NNN
// for an answer that has none of them. Codes that mean different things
// depending on the row are told apart in classify.go.
var taxonomy = map[string]kind{
	// Signing in.
	"INVALID_SESSION_ID":     {classSignIn, "The integration user's session is not accepted, not even a new one: check that the user is active, may use the API, and that no login IP range shuts this host out."},
	"invalid_grant":          {classSignIn, "Approve the integration user for the External Client App, check salesforce.auth.username, the certificate, and this machine's clock."},
	"invalid_client":         {classSignIn, "Check salesforce.auth.client_id and client_secret_file: they are not those of the External Client App."},
	"invalid_client_id":      {classSignIn, "Check salesforce.auth.client_id: no External Client App has this consumer key."},
	"invalid_app_access":     {classSignIn, "Give the integration user a permission set that allows the External Client App."},
	"unsupported_grant_type": {classSignIn, "Switch on the flow of salesforce.auth.flow in the External Client App; client_credentials also needs the org's My Domain host in salesforce.login_url."},
	"inactive_user":          {classSignIn, "Activate the integration user."},
	"inactive_org":           {classSignIn, "The org is locked or closed: ask Salesforce."},
	"HTTP_401":               {classSignIn, "Salesforce does not accept the session: see docs/salesforce.md, signing in."},
	"HTTP_301":               {classSignIn, fixMoved},
	"HTTP_302":               {classSignIn, fixMoved},
	"HTTP_303":               {classSignIn, fixMoved},
	"HTTP_307":               {classSignIn, fixMoved},
	"HTTP_308":               {classSignIn, fixMoved},

	// The allocation of API requests.
	"REQUEST_LIMIT_EXCEEDED": {classThrottle, "The org's daily API requests, or its limit of long requests at once, are used up: wait, or buy more."},
	"HTTP_429":               {classThrottle, "Salesforce asks to slow down: wait."},

	// Outages.
	"SERVER_UNAVAILABLE": {classOutage, "Salesforce is not available: wait; see status.salesforce.com."},
	"QUERY_TIMEOUT":      {classOutage, "A query took too long: wait; if it stays so, ask for indexes on the phone fields."},

	"INVALID_QUERY_LOCATOR": {classOutage, "The rest of a query's result was gone before it was read: wait, it is asked for anew."},

	// The org as a whole.
	"STORAGE_LIMIT_EXCEEDED": {classOrg, "The org's data storage is full: delete records or buy storage."},
	"API_DISABLED_FOR_ORG":   {classOrg, "Give the integration user the permission API Enabled, or get an edition with the API."},
	"API_CURRENTLY_DISABLED": {classOrg, "Salesforce has switched the API off for this org: ask Salesforce."},
	"ORG_LOCKED":             {classOrg, "The org is locked: ask Salesforce."},
	"TRIAL_EXPIRED":          {classOrg, "The org's trial has ended: buy it or use another."},
	"LICENSE_LIMIT_EXCEEDED": {classOrg, "The org has no licence left for this: buy one or free one."},
	"INSUFFICIENT_ACCESS":    {classOrg, "Give the integration user the rights in docs/salesforce.md."},

	// The configuration: every row would fail.
	"INVALID_FIELD":                   {classConfig, "The field that the message names does not exist, or the integration user may not see it. Make it visible: Setup, Object Manager, the object (fields of one's own on Task are on Activity), Fields & Relationships, the field, Set Field-Level Security, Visible. Or change its name in tasks.fields."},
	"INVALID_FIELD_FOR_INSERT_UPDATE": {classConfig, "The integration user may not write the field that the message names. Give the right: Setup, Object Manager, the object (fields of one's own on Task are on Activity), Fields & Relationships, the field, Set Field-Level Security, Visible and not Read-Only. Or leave it out in tasks.fields."},
	"INVALID_TYPE":                    {classConfig, "The integration user does not see an object. Give it the right: Setup, Permission Sets, the integration user's, Object Settings."},
	"MALFORMED_QUERY":                 {classConfig, "Check match.extra_phone_fields: it makes a query that Salesforce does not understand."},
	"NOT_FOUND":                       {classConfig, "Check salesforce.api_version, and that tasks.external_id_field is an external id on Task."},
	"UNSUPPORTED_API_VERSION":         {classConfig, "Check salesforce.api_version: the org does not speak it."},

	// One request.
	"REQUEST_RUNNING_TOO_LONG": {classHeavy, "Salesforce took too long with this row: look at triggers and flows on Task."},
	"TOO_MANY_APEX_REQUESTS":   {classHeavy, "Too much Apex runs at once: look at triggers on Task."},
	"UNKNOWN_EXCEPTION":        {classHeavy, "Salesforce failed inside, mostly in a trigger or flow: send Salesforce support the message."},
	"APEX_ERROR":               {classHeavy, "A trigger failed: look at triggers on Task."},
	"JSON_PARSER_ERROR":        {classPoison, "A field takes no value of this type: compare the types of the fields in tasks.fields with docs/salesforce.md."},
	"HTTP_413":                 {classPoison, "This row is too large."},

	// One row, by itself.
	"UNABLE_TO_LOCK_ROW":                {class: classContention, fix: "Somebody else keeps locking the same records: look for jobs that update many records of this account."},
	"DUPLICATE_VALUE":                   {class: classContention, fix: "Another record holds this unique value: find and mend it."},
	"ALL_OR_NONE_OPERATION_ROLLED_BACK": {class: classCollateral},
	"PROCESSING_HALTED":                 {class: classCollateral},

	"DUPLICATE_EXTERNAL_ID": {classDuplicate, "Several Tasks hold this call's external id: delete all but one, and make the field unique."},
	"HTTP_300":              {classDuplicate, "Several Tasks hold this call's external id: delete all but one, and make the field unique."},

	"ENTITY_IS_DELETED":                             {classStaleMatch, "A record that the Task refers to was deleted."},
	"INVALID_CROSS_REFERENCE_KEY":                   {classStaleMatch, "A record that the Task refers to does not exist, or the integration user may not see it."},
	"CANNOT_UPDATE_CONVERTED_LEAD":                  {classStaleMatch, "The Lead was converted meanwhile."},
	"INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": {classPermanent, "Give the integration user the right to edit the record that the Task belongs to."},
	"INSUFFICIENT_ACCESS_OR_READONLY":               {classPermanent, "Give the integration user the right to edit Tasks of others (Edit Tasks, View All Data or sharing)."},

	"INACTIVE_OWNER_OR_USER":              {classStaleOwner, "The owner is inactive."},
	"OP_WITH_INVALID_USER_TYPE_EXCEPTION": {classStaleOwner, "The owner's type of user cannot own Tasks."},
	"TRANSFER_REQUIRES_READ":              {classStaleOwner, "The owner may not read Tasks."},

	"STRING_TOO_LONG":                         {classPermanent, "A field is shorter than its content: make it longer, or leave it out in tasks.fields."},
	"INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": {classPermanent, "Add the value to the picklist, or change tasks.status; CallType must have Inbound and Outbound."},
	"REQUIRED_FIELD_MISSING":                  {classPermanent, "The org demands a field that callfold does not write: give it a default value, or do not demand it of the integration user."},
	"FIELD_CUSTOM_VALIDATION_EXCEPTION":       {classPermanent, "A validation rule refuses it: let it pass the integration user."},
	"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY":    {classPermanent, "A trigger or flow refuses it: look at the message."},
	"CANNOT_EXECUTE_FLOW_TRIGGER":             {classPermanent, "A flow on Task fails: look at the message."},
	"FIELD_FILTER_VALIDATION_EXCEPTION":       {classPermanent, "A lookup filter refuses the record: change the filter or let it pass the integration user."},
	"FIELD_INTEGRITY_EXCEPTION":               {classPermanent, "Two fields do not fit each other: look at the message."},
	"INVALID_EMAIL_ADDRESS":                   {classPermanent, "Correct the address."},
	"INVALID_TYPE_ON_FIELD_IN_RECORD":         {classPermanent, "A field takes no value of this type: compare the types of the fields in tasks.fields with docs/salesforce.md."},
	"NUMBER_OUTSIDE_VALID_RANGE":              {classPermanent, "A number field is too small: give it more digits."},
	"MALFORMED_ID":                            {classPermanent, "An Id in the settings is wrong (owner.fallback, tasks.record_type_id)."},
	"DUPLICATES_DETECTED":                     {classPermanent, "A duplicate rule blocks the new record: let it pass the integration user, or set match.create to nothing."},
}

// stops reports whether errors of the class concern all rows alike: the turn
// ends, and no row is rejected for it.
func (c class) stops() bool {
	switch c {
	case classSignIn, classConfig, classOrg, classThrottle, classOutage:
		return true
	}
	return false
}

// stopping is the class for which a turn stops that cannot do without a request
// which was refused: Salesforce does not manage it, or it cannot be right.
func (c class) stopping() class {
	switch {
	case c.stops():
		return c
	case c == classHeavy:
		return classOutage
	}
	return classConfig
}

// bySeverity are all classes in an order: of several errors of one row the worst decides.
var bySeverity = []class{
	classSignIn, classOrg, classConfig, classThrottle, classOutage,
	classDuplicate, classPermanent, classUnknown, classStaleMatch, classStaleOwner, classWrongLane,
	classHeavy, classPoison, classContention, classCollateral,
}
