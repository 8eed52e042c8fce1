package schemas

import "embed"

//go:embed json/*.schema.json
var jsonSchemas embed.FS

// JSONSchema is the JSON Schema (draft 2020-12) of a record: "event", "call",
// "outcome" or "rejected"; nil for any other name.
func JSONSchema(name string) []byte {
	b, err := jsonSchemas.ReadFile("json/" + name + ".schema.json")
	if err != nil {
		return nil
	}
	return b
}
