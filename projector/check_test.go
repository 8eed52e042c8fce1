package projector

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestDefaultSettingsAreGood(t *testing.T) {
	for _, pack := range Packs() {
		s := DefaultSettings()
		s.Tasks.Subjects = pack
		if problems := Problems(s); len(problems) > 0 {
			t.Errorf("%s: %+v", pack, problems)
		}
	}
}

// Every wrong setting is a problem of its own, told with the key, and all are
// told at once.
func TestProblems(t *testing.T) {
	tests := []struct {
		key   string
		wrong string // part of the message
		spoil func(*Settings)
	}{
		{"tasks.external_id_field", "Aircall Id", func(s *Settings) { s.Tasks.ExternalIDField = "Aircall Id" }},
		{"tasks.numbers", "-5", func(s *Settings) { s.Tasks.Numbers = []int64{7, -5} }},
		{"tasks.deleted", "leave or recreate", func(s *Settings) { s.Tasks.Deleted = "keep" }},
		{"tasks.preserve_edits", "type, task_subtype, subject,", func(s *Settings) { s.Tasks.PreserveEdits = []string{"Subject"} }},
		{"tasks.preserve_edits", "comes twice", func(s *Settings) { s.Tasks.PreserveEdits = []string{"subject", "subject"} }},
		{"tasks.preserve_edits", `write ["*"]`, func(s *Settings) { s.Tasks.PreserveEdits = []string{"*", "subject"} }},
		{"tasks.log.missed", "completed, open or nothing", func(s *Settings) { s.Tasks.Log.Missed = "closed" }},
		{"tasks.log_at.voicemail", "answered, hungup or ended", func(s *Settings) { s.Tasks.LogAt.Voicemail = "" }},
		{"tasks.status.open", "empty", func(s *Settings) { s.Tasks.Status.Open = " " }},
		{"tasks.subjects", "classic-en, classic-fr or current-en", func(s *Settings) { s.Tasks.Subjects = "classic" }},
		{"tasks.subject_templates.lost", "no such template", func(s *Settings) { s.Tasks.SubjectTemplates = map[string]string{"lost": "x"} }},
		{"tasks.subject_templates.missed", "{recrod} is no placeholder; write {record}, {number} or {user}", func(s *Settings) { s.Tasks.SubjectTemplates = map[string]string{"missed": "From {recrod}"} }},
		{"tasks.subject_templates.missed", "never closed", func(s *Settings) { s.Tasks.SubjectTemplates = map[string]string{"missed": "From {record"} }},
		{"tasks.subject_templates.missed", "empty", func(s *Settings) { s.Tasks.SubjectTemplates = map[string]string{"missed": ""} }},
		{"tasks.disposition.order", "empty", func(s *Settings) { s.Tasks.Disposition.Order = nil }},
		{"tasks.disposition.order", "tags, source, direction, status, number or reason", func(s *Settings) { s.Tasks.Disposition.Order = []string{"tag"} }},
		{"tasks.disposition.order", "comes twice", func(s *Settings) { s.Tasks.Disposition.Order = []string{"tags", "tags"} }},
		{"tasks.fields.subjcet", "type, task_subtype, subject,", func(s *Settings) { s.Tasks.Fields = map[string]string{"subjcet": "Subject"} }},
		{"tasks.fields.subject", "API name", func(s *Settings) { s.Tasks.Fields = map[string]string{"subject": "Owner.Name"} }},
		{"tasks.fields.subject", "already used for tasks.fields.type", func(s *Settings) { s.Tasks.Fields = map[string]string{"subject": "type"} }},
		{"tasks.fields.answered_by", "already used for tasks.external_id_field", func(s *Settings) { s.Tasks.Fields = map[string]string{"answered_by": "aircall_call_id__c"} }},
		{"tasks.record_type_id", "15 or 18", func(s *Settings) { s.Tasks.RecordTypeID = "Call" }},
		{"match.objects", "contact, lead, account or person_account", func(s *Settings) { s.Match.Objects = []string{"Contact"} }},
		{"match.extra_phone_fields.contacts", "no such kind of record", func(s *Settings) { s.Match.ExtraPhoneFields = map[string][]string{"contacts": {"Fax"}} }},
		{"match.extra_phone_fields.contact", "API name", func(s *Settings) { s.Match.ExtraPhoneFields = map[string][]string{"contact": {"Fax number"}} }},
		{"match.related", "case, opportunity or none", func(s *Settings) { s.Match.Related = "cases" }},
		{"match.create_case", "match.related", func(s *Settings) { s.Match.CreateCase = true }},
		{"match.create", "contact, lead, account or nothing", func(s *Settings) { s.Match.Create = "person" }},
		{"match.created_key_field", "API name", func(s *Settings) { s.Match.Create, s.Match.CreatedKeyField = "lead", "" }},
		{"match.default_region", "FR or US", func(s *Settings) { s.Match.DefaultRegion = "France" }},
		{"owner.answered", "empty", func(s *Settings) { s.Owner.Answered = nil }},
		{"owner.unanswered", "agent, record_owner, fallback or integration_user", func(s *Settings) { s.Owner.Unanswered = []string{"owner"} }},
		{"owner.aliases.ada@example.com", "empty", func(s *Settings) { s.Owner.Aliases = map[string]string{"ada@example.com": ""} }},
		{"owner.aliases.ada@example.com", "differs only in case", func(s *Settings) {
			s.Owner.Aliases = map[string]string{"ada@example.com": "a@x", "ADA@example.com": "b@x"}
		}},
		{"owner.minimum_user_age", "negative", func(s *Settings) { s.Owner.MinimumUserAge = -time.Hour }},
	}
	for _, tt := range tests {
		s := DefaultSettings()
		tt.spoil(&s)
		problems := Problems(s)
		if len(problems) != 1 || problems[0].Key != tt.key || !strings.Contains(problems[0].Error(), tt.wrong) {
			t.Errorf("%s (%s): %+v", tt.key, tt.wrong, problems)
		}
		if r, err := New(s); r != nil || err == nil {
			t.Errorf("%s: New takes it", tt.key)
		}
	}
}

func TestNewTellsAllProblems(t *testing.T) {
	s := DefaultSettings()
	s.Tasks.Subjects = "x"
	s.Match.Create = "y"
	s.Owner.Answered = []string{"z"}
	_, err := New(s)
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("the error joins nothing: %v", err)
	}
	var keys []string
	for _, e := range joined.Unwrap() {
		var p *Problem
		if !errors.As(e, &p) {
			t.Fatalf("%v is no Problem", e)
		}
		keys = append(keys, p.Key)
	}
	if want := []string{"tasks.subjects", "match.create", "owner.answered"}; !slices.Equal(keys, want) {
		t.Errorf("got %q, want %q", keys, want)
	}
}
