package settings

import (
	"fmt"
	"io"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Print writes the effective settings as YAML, in the order of docs/settings.md,
// secrets masked. The secrets that cannot stand in the file (kafka.sasl.password
// and its like) show, masked, only when they are set: so what is printed for
// settings without secrets can be read back.
func (s Settings) Print(w io.Writer) error {
	// Values may not have been checked, and a URL with a password is refused
	// only there.
	s.Salesforce.LoginURL = withoutUser(s.Salesforce.LoginURL)
	var document yaml.Node
	if err := document.Encode(s); err != nil {
		return fmt.Errorf("encoding the settings: %w", err)
	}
	for _, k := range keys(&s) {
		if d, ok := k.value.Interface().(time.Duration); ok {
			below(&document, k.path).Value = duration(d)
		}
	}
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(&document); err != nil {
		return fmt.Errorf("printing the settings: %w", err)
	}
	return encoder.Close()
}

// below is the node at the dotted path, which must exist.
func below(node *yaml.Node, path string) *yaml.Node {
	for name := range strings.SplitSeq(path, ".") {
		for i := 0; i < len(node.Content); i += 2 {
			if node.Content[i].Value == name {
				node = node.Content[i+1]
				break
			}
		}
	}
	return node
}

// duration writes d without the zeros that time.Duration puts behind it: 24h, not 24h0m0s.
func duration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
