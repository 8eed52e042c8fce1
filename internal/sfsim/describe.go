package sfsim

import (
	"net/http"
	"strconv"
)

// versions is GET /services/data/, which needs no session and counts as no request.
func versions(method string) *response {
	if method != http.MethodGet && method != http.MethodHead {
		return failure(fail(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "HTTP Method '%s' not allowed. Allowed are GET", method))
	}
	type version struct {
		Label   string `json:"label"`
		URL     string `json:"url"`
		Version string `json:"version"`
	}
	var out []version
	// Three releases a year; v51.0 was Spring '21, and Winter bears the next year's number.
	seasons := [3]string{"Spring", "Summer", "Winter"}
	for n := oldestVersion; n <= newestVersion; n++ {
		release := n - 48
		year := 20 + release/3 + release%3/2
		v := strconv.Itoa(n) + ".0"
		out = append(out, version{seasons[release%3] + " '" + strconv.Itoa(year), "/services/data/v" + v, v})
	}
	return answer(http.StatusOK, out)
}

// resources is GET /services/data/vNN.0 ("Resources by Version").
func resources(c *call) *response {
	out := map[string]string{}
	for _, name := range []string{"composite", "jobs", "limits", "parameterizedSearch", "query", "queryAll", "search", "sobjects"} {
		out[name] = "/services/data/" + c.version + "/" + name
	}
	return answer(http.StatusOK, out)
}

// limits is GET limits ("Limits").
func limits(c *call) *response {
	type limit struct {
		Max       int `json:"Max"`
		Remaining int `json:"Remaining"`
	}
	used, daily := c.s.usage.figures()
	return answer(http.StatusOK, map[string]limit{
		"DailyApiRequests": {daily, max(0, daily-used)},
		"DataStorageMB":    {1024, 1024},
	})
}

// objectDescription is what the global describe says of an object.
type objectDescription struct {
	Name        string            `json:"name"`
	Label       string            `json:"label"`
	LabelPlural string            `json:"labelPlural"`
	KeyPrefix   string            `json:"keyPrefix"`
	Custom      bool              `json:"custom"`
	Createable  bool              `json:"createable"`
	Updateable  bool              `json:"updateable"`
	Deletable   bool              `json:"deletable"`
	Queryable   bool              `json:"queryable"`
	Retrieve    bool              `json:"retrieveable"`
	Undeletable bool              `json:"undeletable"`
	Searchable  bool              `json:"searchable"`
	URLs        map[string]string `json:"urls"`
}

func (c *call) describeObject(o *object) objectDescription {
	base := "/services/data/" + c.version + "/sobjects/" + o.name
	return objectDescription{
		Name: o.name, Label: o.label, LabelPlural: o.label + "s", KeyPrefix: o.prefix,
		Createable: o.create, Updateable: o.update, Deletable: o.delete, Queryable: true, Retrieve: true,
		URLs: map[string]string{"sobject": base, "describe": base + "/describe", "rowTemplate": base + "/{ID}"},
	}
}

// describeGlobal is GET sobjects.
func describeGlobal(c *call) *response {
	objects := make([]objectDescription, 0, len(c.s.schema.objects))
	for _, o := range c.s.schema.objects {
		objects = append(objects, c.describeObject(o))
	}
	return answer(http.StatusOK, map[string]any{"encoding": "UTF-8", "maxBatchSize": maxCollection, "sobjects": objects})
}

// objectInfo is GET sobjects/OBJECT.
func objectInfo(c *call) *response {
	o, err := c.object()
	if err != nil {
		return failure(err)
	}
	return answer(http.StatusOK, map[string]any{"objectDescribe": c.describeObject(o), "recentItems": []string{}})
}

type picklistValue struct {
	Active       bool   `json:"active"`
	DefaultValue bool   `json:"defaultValue"`
	Label        string `json:"label"`
	Value        string `json:"value"`
}

// fieldDescription has the keys of "DescribeSObjectResult", in so far as they
// mean something here.
type fieldDescription struct {
	Name               string          `json:"name"`
	Label              string          `json:"label"`
	Type               fieldType       `json:"type"`
	SOAPType           string          `json:"soapType"`
	Length             int             `json:"length"`
	ByteLength         int             `json:"byteLength"`
	Precision          int             `json:"precision"`
	Scale              int             `json:"scale"`
	Digits             int             `json:"digits"`
	Custom             bool            `json:"custom"`
	Createable         bool            `json:"createable"`
	Updateable         bool            `json:"updateable"`
	Nillable           bool            `json:"nillable"`
	DefaultedOnCreate  bool            `json:"defaultedOnCreate"`
	DefaultValue       any             `json:"defaultValue"`
	Calculated         bool            `json:"calculated"`
	ExternalID         bool            `json:"externalId"`
	IDLookup           bool            `json:"idLookup"`
	Unique             bool            `json:"unique"`
	CaseSensitive      bool            `json:"caseSensitive"`
	Filterable         bool            `json:"filterable"`
	Sortable           bool            `json:"sortable"`
	Groupable          bool            `json:"groupable"`
	NameField          bool            `json:"nameField"`
	RestrictedPicklist bool            `json:"restrictedPicklist"`
	PicklistValues     []picklistValue `json:"picklistValues"`
	Polymorphic        bool            `json:"polymorphicForeignKey"`
	ReferenceTo        []string        `json:"referenceTo"`
	RelationshipName   *string         `json:"relationshipName"`
}

// describe is GET sobjects/OBJECT/describe ("sObject Describe").
func describe(c *call) *response {
	o, err := c.object()
	if err != nil {
		return failure(err)
	}
	fields := make([]fieldDescription, 0, len(o.fields))
	for _, f := range o.fields {
		if f.visible(c.user) {
			fields = append(fields, describeField(o, f, c.user))
		}
	}
	return answer(http.StatusOK, struct {
		objectDescription
		Fields             []fieldDescription `json:"fields"`
		ChildRelationships []string           `json:"childRelationships"`
		RecordTypeInfos    []string           `json:"recordTypeInfos"`
	}{objectDescription: c.describeObject(o), Fields: fields})
}

func describeField(o *object, f *field, user string) fieldDescription {
	d := fieldDescription{
		Name: f.name, Label: f.label, Type: f.kind, SOAPType: soapTypes[f.kind],
		Length: f.length, ByteLength: 3 * f.length, Scale: f.scale,
		Custom:     len(f.name) > 3 && f.name[len(f.name)-3:] == "__c",
		Createable: f.createable(user), Updateable: f.updateable(user), Nillable: f.nillable,
		DefaultedOnCreate: f.fallback != nil || f.name == "OwnerId" || f.calculated || f.kind == typeID,
		Calculated:        false, // true is for formula fields; ours are filled by the platform
		ExternalID:        f.external, IDLookup: f.external || f.kind == typeID, Unique: f.unique,
		Filterable: f.filterable, Sortable: f.filterable, Groupable: f.filterable && f.kind != typeDateTime && !f.kind.isNumber(),
		NameField:          f.name == "Name",
		RestrictedPicklist: f.restricted,
		Polymorphic:        f.polymorphic(),
		ReferenceTo:        f.to,
	}
	if f.kind == typeInt {
		d.Digits = f.digits
	} else {
		d.Precision = f.digits
	}
	if f.kind == typeBoolean || f.kind.isText() && f.fallback != nil && len(f.values) == 0 {
		d.DefaultValue = f.fallback
	}
	if f.relationship != "" {
		d.RelationshipName = &f.relationship
	}
	for _, v := range f.values {
		d.PicklistValues = append(d.PicklistValues, picklistValue{Active: true, DefaultValue: v == f.fallback, Label: v, Value: v})
	}
	return d
}

var soapTypes = map[fieldType]string{
	typeID: "tns:ID", typeReference: "tns:ID", typeBoolean: "xsd:boolean", typeInt: "xsd:int",
	typeDouble: "xsd:double", typeCurrency: "xsd:double", typePercent: "xsd:double",
	typeDate: "xsd:date", typeDateTime: "xsd:dateTime",
	typeString: "xsd:string", typeTextarea: "xsd:string", typePicklist: "xsd:string", typeCombobox: "xsd:string",
	typePhone: "xsd:string", typeEmail: "xsd:string", typeURL: "xsd:string",
}
