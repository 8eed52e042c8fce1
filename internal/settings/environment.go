package settings

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// variablePrefix starts every environment variable that is ours.
const variablePrefix = "CALLFOLD_"

// foreignVariable matches variables with our prefix that Kubernetes sets in
// every pod beside a Service whose name starts with callfold: CALLFOLD_PORT,
// CALLFOLD_INGEST_SERVICE_HOST, CALLFOLD_INGEST_PORT_8080_TCP_ADDR and so on.
// They are nobody's mistake, so they are passed over.
var foreignVariable = regexp.MustCompile(
	`^CALLFOLD_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)

// readEnvironment sets what the variables in environ set.
func (s *Settings) readEnvironment(environ []string) []Problem {
	byVariable := map[string]key{}
	var names []string
	for _, k := range keys(s) {
		byVariable[k.variable()] = k
		names = append(names, k.variable())
	}
	var problems []Problem
	for _, entry := range slices.Sorted(slices.Values(environ)) {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, variablePrefix) || foreignVariable.MatchString(name) {
			continue
		}
		k, ok := byVariable[name]
		if !ok {
			mend := "unset it; docs/settings.md lists the variables"
			if near := nearest(name, names); near != "" {
				mend = "did you mean " + near + "?"
			}
			problems = append(problems, Problem{Where: name, Wrong: "no setting has this variable", Mend: mend})
			continue
		}
		node, err := variableNode(k, value)
		if err == nil {
			err = decode(node, k)
		}
		if err != nil {
			problems = append(problems, Problem{Key: k.path, Value: shown(k, value), Where: name,
				Wrong: k.wanted(), Mend: variableForm(k)})
			continue
		}
		s.source.origins[k.path] = name
	}
	return problems
}

// variableNode is a variable's value as the YAML node that the file would have:
// lists are separated by commas, mappings are written as YAML or JSON.
func variableNode(k key, value string) (*yaml.Node, error) {
	switch k.value.Kind() {
	case reflect.Slice:
		list := &yaml.Node{Kind: yaml.SequenceNode}
		tag := ""
		if k.value.Type().Elem().Kind() == reflect.String {
			tag = "!!str"
		}
		for item := range strings.SplitSeq(value, ",") {
			if item = strings.TrimSpace(item); item != "" {
				list.Content = append(list.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: item})
			}
		}
		return list, nil
	case reflect.Map:
		var document yaml.Node
		if err := yaml.Unmarshal([]byte(value), &document); err != nil {
			return nil, fmt.Errorf("parsing a mapping: %w", err)
		}
		if document.Kind == 0 {
			return &yaml.Node{Kind: yaml.MappingNode}, nil
		}
		return document.Content[0], nil
	case reflect.String:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}, nil
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: value}, nil
}

// variableForm says how a variable of the key is written.
func variableForm(k key) string {
	switch k.value.Kind() {
	case reflect.Slice:
		return "separate the items by commas"
	case reflect.Map:
		return `write it as JSON, such as {"a": "b"}`
	}
	return "correct the value"
}
