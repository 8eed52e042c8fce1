package projector

// Org is what the projector has to know about a Salesforce org.
type Org struct {
	// IntegrationUser is the Id of the user that the sink signs in as. Where it
	// is empty, a Task for this user is left without an OwnerId, which comes to
	// the same.
	IntegrationUser string
	Users           *Directory
	// TaskFields are the Task's fields by API name, from describe. nil is for
	// not known: then everything is writable, and custom texts are 255 long. A
	// mapped field that is missing here is wanted all the same: Salesforce
	// refuses it, which must be seen and mended, not hidden.
	TaskFields map[string]FieldInfo
}

// FieldInfo is what describe says about a field.
type FieldInfo struct {
	Createable, Updateable bool
	// Length is the longest text in UTF-16 units, 0 for what is no text.
	Length int
}
