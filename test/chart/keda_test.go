package chart

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	_ "github.com/kedacore/keda/v2/version" // so that its module is there, of which nothing is run
	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"
)

// kedaDir is the source of KEDA's module.
var kedaDir = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/kedacore/keda/v2").Output()
	return strings.TrimSpace(string(out)), err
})

// validateKEDA checks an object of KEDA's by the schema in its CustomResourceDefinition,
// in which no further member is allowed where it names some.
func validateKEDA(t testing.TB, o object) {
	t.Helper()
	dir, err := kedaDir()
	if err != nil {
		t.Fatalf("looking for KEDA's module: %v", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "config/crd/bases/keda.sh_"+strings.ToLower(o.kind)+"s.yaml"))
	if err != nil {
		t.Fatalf("%s: KEDA defines no such object: %v", o, err)
	}
	var definition struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema map[string]any `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &definition); err != nil {
		t.Fatal(err)
	}
	schema := definition.Spec.Versions[0].Schema.OpenAPIV3Schema
	closed(schema)
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft4)
	if err := compiler.AddResource("keda.json", schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("keda.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := compiled.Validate(any(o.raw)); err != nil {
		t.Errorf("%s: %s: %v", o.template, o, err)
	}
}

// closed forbids members that a schema does not name, as an API server drops them.
func closed(schema map[string]any) {
	properties, named := schema["properties"].(map[string]any)
	_, open := schema["additionalProperties"]
	if named && !open && schema["x-kubernetes-preserve-unknown-fields"] != true {
		schema["additionalProperties"] = false
	}
	for name, property := range properties {
		if of, ok := property.(map[string]any); ok && name != "metadata" {
			closed(of)
		}
	}
	for _, member := range []string{"items", "additionalProperties"} {
		if of, ok := schema[member].(map[string]any); ok {
			closed(of)
		}
	}
}
