package projector

import (
	"strings"

	"github.com/callfold/callfold/schemas"
)

// field is the definition of a Task field. Everything about it is here or
// follows from compute.
type field struct {
	// logical is the name in the setting tasks.fields, name the API name that
	// it has by default.
	logical, name string
	rule          string
	// limit is the longest text in UTF-16 units, 0 for what is no text.
	limit int
	// custom texts are as long as describe says, others at most as long.
	custom bool
	// createOnly fields can be set at creation only.
	createOnly bool
	// personal fields tell who was spoken to, by whom, or about what: they are
	// emptied when the call is erased.
	personal bool
	compute  func(p *projection, limit int) cell
}

// cell is the value of one field, with its reason.
type cell struct {
	value any
	// compare stands for value where that holds a signed link (F11).
	compare any
	// absent leaves the field out, which is not the same as empty (nil).
	absent bool
	// reason's rule may be empty: then it is the field's own.
	reason schemas.Reason
}

// definitions are all fields of a Task, in the order of the contract's table.
// Priority, CreatedById and LastModifiedById are never set (F22).
var definitions = []field{
	{logical: "type", name: "Type", rule: "F1", compute: callConstant},
	{logical: "task_subtype", name: "TaskSubtype", rule: "F1", createOnly: true, compute: callConstant},
	{logical: "subject", name: "Subject", rule: "F2", limit: 255, personal: true, compute: subjectCell},
	{logical: "call_disposition", name: "CallDisposition", rule: "F3", limit: 255, personal: true, compute: dispositionCell},
	{logical: "call_type", name: "CallType", rule: "F4", compute: callTypeCell},
	{logical: "activity_date", name: "ActivityDate", rule: "F5", compute: activityDateCell},
	{logical: "call_duration", name: "CallDurationInSeconds", rule: "F6", compute: talkCell},
	{logical: "waiting_time", name: "aircall__Waiting_Time__c", rule: "F7", compute: waitingCell},
	{logical: "answered_by", name: "aircall__Answered_by__c", rule: "F8", limit: 255, custom: true, personal: true, compute: answeredByCell},
	{logical: "phone_number", name: "aircall__Phone_number__c", rule: "F9", limit: 255, custom: true, personal: true, compute: phoneNumberCell},
	{logical: "country", name: "aircall__Country__c", rule: "F10", limit: 255, custom: true, personal: true, compute: countryCell},
	{logical: "recording", name: "aircall__Call_Recording__c", rule: "F11", limit: 255, custom: true, personal: true, compute: recordingCell},
	{logical: "transferred_to", name: "aircall__Transferred_to__c", rule: "F12", limit: 255, custom: true, personal: true, compute: transferredToCell},
	{logical: "timezone", name: "aircall__Timezone__c", rule: "F13", limit: 255, custom: true, compute: timeZoneCell},
	{logical: "hour_of_the_day", name: "aircall__Hour_of_the_day__c", rule: "F14", limit: 255, custom: true, compute: hourCell},
	{logical: "connection_status", name: "aircall__Connection_status__c", rule: "F15", limit: 255, custom: true, compute: connectionCell},
	{logical: "has_connected", name: "aircall__Has_connected__c", rule: "F16", compute: hasConnectedCell},
	{logical: "status", name: "Status", rule: "F17", compute: statusCell},
	{logical: "description", name: "Description", rule: "F18", limit: 32000, personal: true, compute: descriptionCell},
	{logical: "who_id", name: "WhoId", rule: "F19", personal: true, compute: whoCell},
	{logical: "what_id", name: "WhatId", rule: "F20", personal: true, compute: whatCell},
	{logical: "owner_id", name: "OwnerId", rule: "F21", compute: ownerCell},
	{logical: "record_type_id", name: "RecordTypeId", rule: "F22", createOnly: true, compute: recordTypeCell},
}

// mapped are the definitions with the API names of the settings. A field whose
// name is empty is left out altogether.
func mapped(t Tasks) []field {
	var out []field
	for _, f := range definitions {
		if name, ok := t.Fields[f.logical]; ok {
			f.name = strings.TrimSpace(name)
		}
		if f.logical == "record_type_id" && t.RecordTypeID == "" {
			f.name = ""
		}
		if f.name != "" {
			out = append(out, f)
		}
	}
	return out
}

// FieldName is a Task field as the settings map it.
type FieldName struct {
	Logical string // the name in tasks.fields
	Name    string // the API name
	Rule    string
	// CreateOnly fields are sent at the creation of a Task only.
	CreateOnly bool
}

// TaskFields are the fields that a Task may have, in the table's order.
func (r *Rules) TaskFields() []FieldName {
	var out []FieldName
	for _, f := range r.fields {
		out = append(out, FieldName{f.logical, f.name, f.rule, f.createOnly})
	}
	return out
}

// longest is the limit of a text field in an org (0 for what is no text).
func (f *field) longest(info FieldInfo) int {
	if f.limit == 0 || info.Length == 0 {
		return f.limit
	}
	if f.custom {
		return info.Length
	}
	return min(f.limit, info.Length)
}
