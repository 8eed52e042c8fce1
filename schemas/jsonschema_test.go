package schemas

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"
)

var schemaNames = []string{"event", "call", "outcome", "rejected"}

// compileSchemas compiles all schemas.
func compileSchemas(t testing.TB) map[string]*jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	for _, name := range schemaNames {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(JSONSchema(name)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := c.AddResource("https://callfold.dev/schemas/"+name+"/1", doc); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	compiled := map[string]*jsonschema.Schema{}
	for _, name := range schemaNames {
		s, err := c.Compile("https://callfold.dev/schemas/" + name + "/1")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		compiled[name] = s
	}
	return compiled
}

func validate(s *jsonschema.Schema, b []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

func TestGoldenFilesFollowTheSchemas(t *testing.T) {
	compiled := compileSchemas(t)
	for name, files := range map[string]string{
		"event": "bodies/*", "call": "golden/callfold.call-1.*", "outcome": "golden/callfold.outcome-1.*", "rejected": "golden/callfold.rejected-1.*",
	} {
		paths, _ := filepath.Glob("testdata/" + files)
		if len(paths) < 2 {
			t.Fatalf("%s: only %d files", name, len(paths))
		}
		for _, path := range paths {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := validate(compiled[name], b); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}

func TestGeneratedStatesFollowTheSchema(t *testing.T) {
	schema := compileSchemas(t)["call"]
	bodies := fixtures(t, "")
	rapid.Check(t, func(t *rapid.T) {
		var r CallRecord
		for i, e := range rapid.SliceOfN(rapid.SampledFrom(bodies), 1, 9).Draw(t, "events") {
			r = Fold(r, e, int64(i))
		}
		b, err := Calls.Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(schema, b); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
	})
}

// TestSchemasRefuse shows that the schemas say something.
func TestSchemasRefuse(t *testing.T) {
	compiled := compileSchemas(t)
	for name, bodies := range map[string][]string{
		"event":    {`{}`, `{"id":"5"}`, `{"resource":"call","event":"call.x","data":{"id":-1}}`, `{"resource":"callfold","event":"call.x","timestamp":1,"data":{"id":1}}`},
		"call":     {`{}`, `{"state":{"id":1},"trace":{"events":[]}}`, `{"state":{"id":1,"newest":"1.2.3"},"trace":{"events":[]}}`},
		"outcome":  {`{"call_id":1,"result":"perhaps","state_hash":"","decided_at":1}`},
		"rejected": {`{"reason":"no_id","body_size":1}`},
	} {
		for _, body := range bodies {
			if validate(compiled[name], []byte(body)) == nil {
				t.Errorf("%s takes %s", name, body)
			}
		}
	}
}

type schemaNode = map[string]any

// TestSchemasListEveryField compares the Go types with the schemas, both ways,
// and wants a description of everything.
func TestSchemasListEveryField(t *testing.T) {
	for name, record := range map[string]reflect.Type{
		"call": reflect.TypeFor[CallRecord](), "outcome": reflect.TypeFor[Outcome](), "rejected": reflect.TypeFor[RejectedRecord](),
	} {
		var root schemaNode
		if err := json.Unmarshal(JSONSchema(name), &root); err != nil {
			t.Fatal(err)
		}
		compareFields(t, name, record, root, root)
	}
}

func compareFields(t *testing.T, path string, typ reflect.Type, node, root schemaNode) {
	t.Helper()
	if node["description"] == nil && !strings.HasSuffix(path, "[]") && !strings.HasSuffix(path, "{}") {
		t.Errorf("%s has no description", path)
	}
	for ref, ok := node["$ref"].(string); ok; ref, ok = node["$ref"].(string) {
		if !strings.HasPrefix(ref, "#/$defs/") {
			return // another schema's record
		}
		node = root["$defs"].(schemaNode)[strings.TrimPrefix(ref, "#/$defs/")].(schemaNode)
	}
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	switch {
	case typ == reflect.TypeFor[Key]() || typ == reflect.TypeFor[[]byte]():
	case typ.Kind() == reflect.Slice:
		if items := node["items"].(schemaNode); typ.Elem().Kind() == reflect.Struct {
			compareFields(t, path+"[]", typ.Elem(), items, root)
		}
	case typ.Kind() == reflect.Map:
		if typ.Elem().Kind() == reflect.Struct {
			compareFields(t, path+"{}", typ.Elem(), node["additionalProperties"].(schemaNode), root)
		}
	case typ.Kind() == reflect.Struct:
		properties, _ := node["properties"].(schemaNode)
		fields := jsonFields(typ)
		for name, field := range fields {
			property, ok := properties[name].(schemaNode)
			if !ok {
				t.Errorf("%s.%s is not in the schema", path, name)
				continue
			}
			compareFields(t, path+"."+name, field, property, root)
		}
		for name := range properties {
			if fields[name] == nil {
				t.Errorf("%s.%s is in the schema only", path, name)
			}
		}
	}
}

// jsonFields are a struct's fields by their name in JSON.
func jsonFields(typ reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for f := range typ.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Type == reflect.TypeFor[jsontext.Value](): // the fields of newer versions
		case f.Anonymous:
			maps.Copy(fields, jsonFields(f.Type))
		default:
			fields[name] = f.Type
		}
	}
	return fields
}

// TestEventSchemaListsWhatIsRead wants every member that the parser looks at
// in the schema of events.
func TestEventSchemaListsWhatIsRead(t *testing.T) {
	source, err := os.ReadFile("snapshot.go")
	if err != nil {
		t.Fatal(err)
	}
	var root schemaNode
	if err := json.Unmarshal(JSONSchema("event"), &root); err != nil {
		t.Fatal(err)
	}
	listed := propertyNames(root)
	read := regexp.MustCompile(`(?m)^\s*case ("[a-z_", ]+"):|memberOf\(\w+, ("[a-z_]+")\)|data\.get\(("[a-z_]+")\)`).FindAllSubmatch(source, -1)
	count := 0
	for _, m := range read {
		for name := range strings.SplitSeq(string(slices.Concat(m[1], m[2], m[3])), ", ") {
			count++
			if !listed[strings.Trim(name, `"`)] {
				t.Errorf("%s is read, but not in the schema", name)
			}
		}
	}
	if count < 40 {
		t.Errorf("found only %d members in snapshot.go: the pattern is out of date", count)
	}
}

// propertyNames are the names of all properties in a schema.
func propertyNames(node any) map[string]bool {
	names := map[string]bool{}
	switch n := node.(type) {
	case schemaNode:
		if properties, ok := n["properties"].(schemaNode); ok {
			for name := range properties {
				names[name] = true
			}
		}
		for _, child := range n {
			maps.Copy(names, propertyNames(child))
		}
	case []any:
		for _, child := range n {
			maps.Copy(names, propertyNames(child))
		}
	}
	return names
}
