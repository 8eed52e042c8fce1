// Package salesforce_test keeps the metadata beside it true to the program: every
// field that is written has its definition and its right. The element names are
// those of the Metadata API's types CustomField and PermissionSet. Whether an org
// takes it shows a deployment only.
package salesforce_test

import (
	"encoding/xml"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/callfold/callfold/internal/settings"
	"github.com/callfold/callfold/projector"
)

// customField is a file *.field-meta.xml.
type customField struct {
	XMLName       xml.Name   `xml:"http://soap.sforce.com/2006/04/metadata CustomField"`
	FullName      string     `xml:"fullName"`
	CaseSensitive string     `xml:"caseSensitive"`
	DefaultValue  string     `xml:"defaultValue"`
	Description   string     `xml:"description"`
	ExternalID    bool       `xml:"externalId"`
	Label         string     `xml:"label"`
	Length        int        `xml:"length"`
	Precision     int        `xml:"precision"`
	Required      bool       `xml:"required"`
	Scale         string     `xml:"scale"`
	Type          string     `xml:"type"`
	Unique        bool       `xml:"unique"`
	Others        []struct{} `xml:",any"`
}

// permissionSet is a file *.permissionset-meta.xml.
type permissionSet struct {
	XMLName     xml.Name `xml:"http://soap.sforce.com/2006/04/metadata PermissionSet"`
	Description string   `xml:"description"`
	Fields      []struct {
		Editable bool   `xml:"editable"`
		Field    string `xml:"field"`
		Readable bool   `xml:"readable"`
	} `xml:"fieldPermissions"`
	Activation string `xml:"hasActivationRequired"`
	Label      string `xml:"label"`
	Objects    []struct {
		Create    bool   `xml:"allowCreate"`
		Delete    bool   `xml:"allowDelete"`
		Edit      bool   `xml:"allowEdit"`
		Read      bool   `xml:"allowRead"`
		ModifyAll bool   `xml:"modifyAllRecords"`
		Object    string `xml:"object"`
		ViewAll   bool   `xml:"viewAllRecords"`
	} `xml:"objectPermissions"`
	Users []struct {
		Enabled bool   `xml:"enabled"`
		Name    string `xml:"name"`
	} `xml:"userPermissions"`
	Others []struct{} `xml:",any"`
}

// metadata is everything below one package directory.
type metadata struct {
	fields      map[string]customField // by object and name, such as Activity.Country__c
	permissions []permissionSet
}

// grants says what the permission sets let a user do with a field: read, edit.
func (m metadata) grants(field string) (readable, editable bool) {
	for _, p := range m.permissions {
		for _, f := range p.Fields {
			if f.Field == field {
				readable, editable = readable || f.Readable, editable || f.Editable
			}
		}
	}
	return readable, editable
}

// read reads a package directory, and wants every file to be well formed and named for what it holds.
func read(t *testing.T, dir string) metadata {
	t.Helper()
	m := metadata{fields: map[string]customField{}}
	err := fs.WalkDir(os.DirFS(dir), "main/default", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path.Join(dir, file))
		if err != nil {
			return err
		}
		parts := strings.Split(file, "/")
		switch name := path.Base(file); {
		case len(parts) == 6 && parts[2] == "objects" && parts[4] == "fields":
			var f customField
			if err := xml.Unmarshal(text, &f); err != nil {
				t.Errorf("%s: %v", file, err)
			}
			if name != f.FullName+".field-meta.xml" || !strings.HasSuffix(f.FullName, "__c") {
				t.Errorf("%s is named for another field than %q", file, f.FullName)
			}
			if f.Label == "" || f.Description == "" || f.Required || len(f.Others) > 0 {
				t.Errorf("%s lacks a label or description, is required, or has elements that nobody checked: %+v", file, f)
			}
			m.fields[parts[3]+"."+f.FullName] = f
		case len(parts) == 4 && parts[2] == "permissionsets" && strings.HasSuffix(name, ".permissionset-meta.xml"):
			var p permissionSet
			if err := xml.Unmarshal(text, &p); err != nil {
				t.Errorf("%s: %v", file, err)
			}
			if want := strings.ReplaceAll(p.Label, " ", "_") + ".permissionset-meta.xml"; name != want {
				t.Errorf("%s should be %s for its label", file, want)
			}
			if p.Description == "" || p.Activation != "false" || len(p.Others) > 0 {
				t.Errorf("%s lacks a description, or has elements that nobody checked: %+v", file, p)
			}
			m.permissions = append(m.permissions, p)
		default:
			t.Errorf("%s is in no place of the source format", file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(m.permissions) != 1 {
		t.Errorf("%s has %d permission sets", dir, len(m.permissions))
	}
	return m
}

// fieldsOf are the custom fields that are written to a Task, by logical name.
func fieldsOf(t *testing.T, s projector.Settings) map[string]string {
	t.Helper()
	rules, err := projector.New(s)
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{}
	for _, f := range rules.TaskFields() {
		if strings.HasSuffix(f.Name, "__c") {
			fields[f.Logical] = f.Name
		}
	}
	if len(fields) == 0 {
		t.Fatal("the mapping has no custom field")
	}
	return fields
}

// isKey says whether a field can be a key that makes writes repeatable (L1, M7).
func isKey(f customField) bool {
	return f.Type == "Text" && f.Length == 40 && f.ExternalID && f.Unique && f.CaseSensitive == "false"
}

// TestKeyOfTasks wants the key in the package that every org gets, and the rights of the fields that have any.
func TestKeyOfTasks(t *testing.T) {
	m := read(t, "force-app")
	key := projector.DefaultSettings().Tasks.ExternalIDField
	if f := m.fields["Activity."+key]; !isKey(f) || len(m.fields) != 1 {
		t.Errorf("the key is %+v, of %d fields", f, len(m.fields))
	}
	for _, field := range []string{"Task." + key, "Task.Type", "Task.Description"} {
		if readable, editable := m.grants(field); !readable || !editable {
			t.Errorf("%s is not granted", field)
		}
	}
	rules, err := projector.New(projector.DefaultSettings())
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range []string{projector.Contact, projector.Lead, projector.Account} {
		for _, field := range rules.PhoneFields(object) {
			if readable, _ := m.grants(object + "." + field); !readable {
				t.Errorf("%s.%s is compared and not granted", object, field)
			}
		}
	}
	var rights []string
	for _, u := range m.permissions[0].Users {
		if u.Enabled {
			rights = append(rights, u.Name)
		}
	}
	if want := []string{"ActivitiesAccess", "ApiEnabled", "EditTask"}; !slices.Equal(rights, want) {
		t.Errorf("the rights are %v, want %v", rights, want)
	}
}

// TestFieldsOfThePackage wants a right for each field that is written by default.
func TestFieldsOfThePackage(t *testing.T) {
	m := read(t, "aircall-package")
	if len(m.fields) != 0 {
		t.Error("the fields of Aircall's package cannot be made here")
	}
	fields := fieldsOf(t, projector.DefaultSettings())
	for logical, name := range fields {
		if readable, editable := m.grants("Task." + name); !readable || !editable {
			t.Errorf("%s (%s) is not granted", name, logical)
		}
	}
	if n := len(m.permissions[0].Fields); n != len(fields) {
		t.Errorf("%d fields are granted, and %d are written", n, len(fields))
	}
}

// types are the types of docs/salesforce.md, by logical name.
var types = map[string]customField{
	"waiting_time":      {Type: "Number", Precision: 18, Scale: "0"},
	"answered_by":       {Type: "Text", Length: 255},
	"phone_number":      {Type: "Phone"},
	"country":           {Type: "Text", Length: 255},
	"recording":         {Type: "Url"},
	"transferred_to":    {Type: "Text", Length: 255},
	"timezone":          {Type: "Text", Length: 255},
	"hour_of_the_day":   {Type: "Text", Length: 255},
	"connection_status": {Type: "Text", Length: 255},
	"has_connected":     {Type: "Checkbox", DefaultValue: "false"},
}

// TestFieldsWithoutThePackage wants a definition of the right type, and a right,
// for each field of the settings that go with them.
func TestFieldsWithoutThePackage(t *testing.T) {
	s, err := settings.LoadAndCheck("call-fields/settings.yaml", nil, settings.Offline)
	if err != nil {
		t.Fatal(err)
	}
	m := read(t, "call-fields")
	fields := fieldsOf(t, s.Settings)
	if len(fields) != len(types) || len(m.fields) != len(types) || len(m.permissions[0].Fields) != len(types) {
		t.Errorf("%d fields are mapped, %d defined, %d granted; want %d", len(fields), len(m.fields), len(m.permissions[0].Fields), len(types))
	}
	for logical, name := range fields {
		if strings.HasPrefix(name, "aircall__") {
			t.Errorf("%s is still the package's %s", logical, name)
		}
		f, ok := m.fields["Activity."+name]
		got := customField{Type: f.Type, Length: f.Length, Precision: f.Precision, Scale: f.Scale, DefaultValue: f.DefaultValue}
		if want := types[logical]; !ok || got.Type != want.Type || got.Length != want.Length || got.Precision != want.Precision || got.Scale != want.Scale || got.DefaultValue != want.DefaultValue {
			t.Errorf("%s is %+v, want %+v", name, got, want)
		}
		if readable, editable := m.grants("Task." + name); !readable || !editable {
			t.Errorf("%s is not granted", name)
		}
	}
}

// TestKeyOfCreatedRecords wants the key of M7 on every object that can be created.
func TestKeyOfCreatedRecords(t *testing.T) {
	m := read(t, "create-records")
	key := projector.DefaultSettings().Match.CreatedKeyField
	for _, object := range []string{projector.Contact, projector.Lead, projector.Account} {
		if f := m.fields[object+"."+key]; !isKey(f) {
			t.Errorf("the key of %s is %+v", object, f)
		}
		for _, field := range []string{key, "Phone"} {
			if _, editable := m.grants(object + "." + field); !editable {
				t.Errorf("%s.%s is not granted", object, field)
			}
		}
		created := false
		for _, o := range m.permissions[0].Objects {
			created = created || o.Object == object && o.Create && o.Read && o.Edit
		}
		if !created {
			t.Errorf("%s may not be created", object)
		}
	}
}

// TestProject wants the package directories in the project file, one of them the default.
func TestProject(t *testing.T) {
	text, err := os.ReadFile("sfdx-project.json")
	if err != nil {
		t.Fatal(err)
	}
	var project struct {
		Directories []struct {
			Path    string `json:"path"`
			Default bool   `json:"default"`
		} `json:"packageDirectories"`
		APIVersion string `json:"sourceApiVersion"`
	}
	if err := json.Unmarshal(text, &project); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range project.Directories {
		names = append(names, d.Path)
		if d.Default != (d.Path == "force-app") {
			t.Errorf("%s: default is %v", d.Path, d.Default)
		}
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var there []string
	for _, e := range entries {
		if e.IsDir() {
			there = append(there, e.Name())
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, there) {
		t.Errorf("the project names %v, and there are %v", names, there)
	}
	if want := settings.Default().Salesforce.APIVersion; project.APIVersion != want {
		t.Errorf("the source is of API %s, callfold uses %s", project.APIVersion, want)
	}
}
