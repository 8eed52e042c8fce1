package projector

import "time"

// Settings are the rules that a user can change: the sections tasks, match and
// owner of the settings file.
type Settings struct {
	Tasks Tasks `yaml:"tasks"`
	Match Match `yaml:"match"`
	Owner Owner `yaml:"owner"`
}

// Tasks says which calls become Tasks and what these look like.
type Tasks struct {
	// ExternalIDField is the API name of the unique external id on Task (L1).
	ExternalIDField string `yaml:"external_id_field"`
	// Numbers are the ids of the Aircall numbers to log; empty = all (L7).
	Numbers []int64 `yaml:"numbers"`
	// Deleted says what to do with a Task that somebody deleted: leave or recreate.
	Deleted string `yaml:"deleted"`
	// Erased says what to do with the Task of a call that an operator erased: scrub
	// or delete it.
	Erased string `yaml:"erased"`
	// PreserveEdits are the fields, by their names in Fields, that keep what
	// somebody changed in Salesforce since they were written; "*" stands for all.
	PreserveEdits []string `yaml:"preserve_edits"`
	// Log says per call kind completed, open or nothing (L3).
	Log PerKind `yaml:"log"`
	// LogAt says per call kind when the Task is created: answered, hungup or ended (L2).
	LogAt PerKind `yaml:"log_at"`
	// BusinessHoursOnly leaves out calls that reached a closed number (L4).
	BusinessHoursOnly bool `yaml:"business_hours_only"`
	// Status are the picklist values for completed and open (F17).
	Status Status `yaml:"status"`
	// Subjects is the pack of texts: classic-en, classic-fr or current-en (F2).
	Subjects string `yaml:"subjects"`
	// SubjectTemplates replaces single templates of the pack, by call kind or
	// conference_outbound, conference_inbound (F2).
	SubjectTemplates map[string]string `yaml:"subject_templates"`
	// Disposition is the order of the parts of CallDisposition (F3).
	Disposition Disposition `yaml:"disposition"`
	// Fields maps logical fields to API names; "" leaves a field out.
	Fields map[string]string `yaml:"fields"`
	// RecordTypeID is the record type of new Tasks; empty = not set (F22).
	RecordTypeID string `yaml:"record_type_id"`
}

// PerKind is a value for each kind of call.
type PerKind struct {
	InboundAnswered    string `yaml:"inbound_answered"`
	OutboundAnswered   string `yaml:"outbound_answered"`
	OutboundUnanswered string `yaml:"outbound_unanswered"`
	Missed             string `yaml:"missed"`
	Voicemail          string `yaml:"voicemail"`
}

// Status are the values of the Task's Status (F17).
type Status struct {
	Completed string `yaml:"completed"`
	Open      string `yaml:"open"`
}

// Disposition orders the parts of CallDisposition (F3): tags, source,
// direction, status, number, reason.
type Disposition struct {
	Order []string `yaml:"order"`
}

// Match says how the Salesforce record of a call is found (rules M).
type Match struct {
	// Objects are the kinds of records, in order of priority (M1): contact,
	// lead, account, person_account.
	Objects []string `yaml:"objects"`
	// ExtraPhoneFields are further fields to compare, by object (M3).
	ExtraPhoneFields map[string][]string `yaml:"extra_phone_fields"`
	// Related is case, opportunity or none (M5).
	Related string `yaml:"related"`
	// CreateCase makes a Case when the Contact has none open (M5).
	CreateCase bool `yaml:"create_case"`
	// Create is contact, lead, account or nothing (M6).
	Create string `yaml:"create"`
	// CreatedKeyField is the API name of the unique external id on created records (M7).
	CreatedKeyField string `yaml:"created_key_field"`
	// DefaultRegion is the region (ISO 3166 alpha-2) of numbers written without
	// a country code where the Aircall number has no country (M4).
	DefaultRegion string `yaml:"default_region"`
}

// Owner says whom a Task belongs to (rules O).
type Owner struct {
	// Answered and Unanswered are ladders of rungs: agent, record_owner,
	// fallback, integration_user (O1–O4).
	Answered   []string `yaml:"answered"`
	Unanswered []string `yaml:"unanswered"`
	// Fallback is the user name or Id of the user of the rung fallback (O4).
	Fallback string `yaml:"fallback"`
	// Aliases maps Aircall e-mails to Salesforce user names (O1).
	Aliases map[string]string `yaml:"aliases"`
	// MinimumUserAge is how long a user must have existed at the time of the call (O1).
	MinimumUserAge time.Duration `yaml:"minimum_user_age"`
	// TakeOverIntegrationRecords gives records owned by the integration user
	// to the agent on the phone (O6).
	TakeOverIntegrationRecords bool `yaml:"take_over_integration_records"`
}

// DefaultSettings are the settings that hold where the user sets nothing.
func DefaultSettings() Settings {
	return Settings{
		Tasks: Tasks{
			ExternalIDField: "Aircall_Call_Id__c",
			Deleted:         "leave",
			Erased:          "scrub",
			Log:             PerKind{"completed", "completed", "completed", "completed", "completed"},
			LogAt:           PerKind{"answered", "answered", "hungup", "hungup", "hungup"},
			Status:          Status{Completed: "Completed", Open: "In Progress"},
			Subjects:        "classic-en",
			Disposition:     Disposition{Order: []string{"tags", "source", "direction", "status", "number", "reason"}},
		},
		Match: Match{
			Objects:         []string{"contact", "lead", "account", "person_account"},
			Related:         "none",
			Create:          "nothing",
			CreatedKeyField: "Aircall_Number_Key__c",
		},
		Owner: Owner{
			Answered:                   []string{"agent", "record_owner", "integration_user"},
			Unanswered:                 []string{"record_owner", "fallback", "integration_user"},
			MinimumUserAge:             24 * time.Hour,
			TakeOverIntegrationRecords: true,
		},
	}
}
