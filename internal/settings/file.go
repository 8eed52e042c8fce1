package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readFile sets what the YAML file at path sets.
func (s *Settings) readFile(path string) []Problem {
	text, err := os.ReadFile(path)
	if err != nil {
		return []Problem{{Where: path, Wrong: "cannot be read: " + reason(err),
			Mend: "name a settings file that exists and that this user may read"}}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return nil // an empty file sets nothing
	} else if err != nil {
		return []Problem{{Where: path, Wrong: "is not YAML: " + strings.TrimPrefix(err.Error(), "yaml: "),
			Mend: "correct the line named; indent with spaces, never with tabs"}}
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return []Problem{{Where: path, Wrong: "holds more than one YAML document",
			Mend: "keep one document and remove the lines that are ---"}}
	}
	r := fileReader{settings: s, file: filepath.Base(path), leaves: map[string]key{}, sections: map[string][]string{}}
	r.index()
	r.section("", document.Content[0])
	return r.problems
}

// fileReader walks a YAML document along the keys of the settings.
type fileReader struct {
	settings *Settings
	file     string
	// leaves are the keys by path; sections the names of the children by path of the parent.
	leaves   map[string]key
	sections map[string][]string
	problems []Problem
}

// index fills leaves and sections.
func (r *fileReader) index() {
	for _, k := range keys(r.settings) {
		r.leaves[k.path] = k
		for child := k.path; child != ""; {
			parent, name := "", child
			if dot := strings.LastIndexByte(child, '.'); dot >= 0 {
				parent, name = child[:dot], child[dot+1:]
			}
			names := r.sections[parent]
			if len(names) == 0 || names[len(names)-1] != name {
				r.sections[parent] = append(names, name)
			}
			child = parent
		}
	}
}

// section reads a mapping whose keys are settings or further sections.
func (r *fileReader) section(path string, node *yaml.Node) {
	node = resolved(node)
	if isNull(node) {
		return // a section with nothing below it sets nothing
	}
	if node.Kind != yaml.MappingNode {
		r.add(node, path, "", "must be a mapping of keys to values", "write one key a line, each with its value, as docs/settings.md shows")
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		child := name.Value
		if path != "" {
			child = path + "." + name.Value
		}
		if first, twice := seen[child]; twice {
			r.add(name, child, "", fmt.Sprintf("is set twice, first in line %d", first), "keep one of the two")
			continue
		}
		seen[child] = name.Line
		if k, ok := r.leaves[child]; ok {
			r.leaf(k, value)
		} else if _, ok := r.sections[child]; ok {
			r.section(child, value)
		} else {
			r.add(name, child, "", "unknown key", r.suggest(path, child))
		}
	}
}

// leaf reads one setting.
func (r *fileReader) leaf(k key, node *yaml.Node) {
	node = resolved(node)
	if isNull(node) {
		return // a key without a value keeps its default
	}
	if k.secret() {
		r.add(node, k.path, mask, "a secret must not stand in the settings file",
			fmt.Sprintf("put it into a file and name that in %s_file, or set the variable %s", k.path, k.variable()))
		return
	}
	if err := decode(node, k); err != nil {
		r.add(node, k.path, shown(k, describe(node)), k.wanted(), "correct the value")
		return
	}
	r.settings.source.origins[k.path] = fmt.Sprintf("%s:%d", r.file, node.Line)
}

func (r *fileReader) add(node *yaml.Node, path, value, wrong, mend string) {
	r.problems = append(r.problems, Problem{Key: path, Value: value,
		Where: fmt.Sprintf("%s:%d", r.file, node.Line), Wrong: wrong, Mend: mend})
}

// suggest says what the user may have meant by the unknown key child below path.
func (r *fileReader) suggest(path, child string) string {
	name := strings.TrimPrefix(child, path+".")
	if near := nearest(name, r.sections[path]); near != "" {
		return "did you mean " + strings.TrimPrefix(path+"."+near, ".") + "?"
	}
	for _, k := range keys(r.settings) {
		if strings.HasSuffix(k.path, "."+name) {
			return "did you mean " + k.path + "?"
		}
	}
	if path == "" {
		return "the sections are " + strings.Join(r.sections[""], ", ")
	}
	return "the keys of " + path + " are " + strings.Join(r.sections[path], ", ")
}

var errNoValue = errors.New("no value")

// decode sets the key from the node, or leaves it as it is and gives an error.
func decode(node *yaml.Node, k key) error {
	if node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null" {
		return errNoValue // YAML would take it for the zero value of any type
	}
	fresh := reflect.New(k.value.Type())
	if err := node.Decode(fresh.Interface()); err != nil {
		return err
	}
	k.value.Set(fresh.Elem())
	return nil
}

// resolved follows an alias (*name) to what it stands for.
func resolved(node *yaml.Node) *yaml.Node {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node
}

func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.Tag == "!!null" }

// describe is a node's value in a message: a scalar as written, else its kind.
func describe(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	if node.Value == "" {
		return `""`
	}
	return node.Value
}

// shown is the value as a message may show it.
func shown(k key, value string) string {
	if k.sensitive() {
		return mask
	}
	return value
}

// reason is the plain cause of a file error, without the operation and path
// that the message names already.
func reason(err error) string {
	var pathError *os.PathError
	if errors.As(err, &pathError) {
		return pathError.Err.Error()
	}
	return err.Error()
}
