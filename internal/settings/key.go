package settings

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// key is one setting: a leaf of Settings.
type key struct {
	// path is the dotted path, such as kafka.tls.enabled.
	path string
	// value is the addressable field.
	value reflect.Value
}

var (
	secretType     = reflect.TypeFor[Secret]()
	secretListType = reflect.TypeFor[[]Secret]()
)

// secret says whether the key holds a secret that must not stand in the file.
func (k key) secret() bool { return k.value.Type() == secretType }

// sensitive says whether the key's value must never be shown.
func (k key) sensitive() bool { return k.secret() || k.value.Type() == secretListType }

// variable is the environment variable that overrides the key.
func (k key) variable() string { return variable(k.path) }

// variable is the environment variable that overrides the key with that path.
func variable(path string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// keys lists every setting of s, in the order of the file, with fields that can be set.
func keys(s *Settings) []key {
	var all []key
	var walk func(prefix string, v reflect.Value)
	walk = func(prefix string, v reflect.Value) {
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if !field.IsExported() {
				continue
			}
			name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
			switch {
			case options == "inline":
				walk(prefix, v.Field(i))
			case field.Type.Kind() == reflect.Struct:
				walk(prefix+name+".", v.Field(i))
			default:
				all = append(all, key{path: prefix + name, value: v.Field(i)})
			}
		}
	}
	walk("", reflect.ValueOf(s).Elem())
	return all
}

// wanted describes in words what a key's value must be, with an example.
func (k key) wanted() string {
	switch k.value.Type().String() {
	case "time.Duration":
		return "must be a duration such as 24h or 30m"
	case "[]string", "[]settings.Secret":
		return "must be a list such as [a, b]"
	case "[]int64":
		return "must be a list of whole numbers such as [1, 2]"
	case "map[string]string":
		return "must be a mapping such as {a: b}"
	case "map[string][]string":
		return "must be a mapping of lists such as {a: [b, c]}"
	}
	switch k.value.Kind() {
	case reflect.Bool:
		return "must be true or false"
	case reflect.Int:
		return "must be a whole number"
	case reflect.Float64:
		return "must be a number"
	case reflect.String:
		return "must be a text"
	}
	panic(fmt.Sprintf("settings: %s has the type %s, which nobody taught it to read", k.path, k.value.Type()))
}

// nearest is the candidate that a user most likely meant by name, or empty when
// none is near: at most a third of the letters differ.
func nearest(name string, candidates []string) string {
	best, bestDistance := "", len(name)/3+1
	if bestDistance < 3 {
		bestDistance = 3
	}
	for _, candidate := range slices.Sorted(slices.Values(candidates)) {
		if d := distance(strings.ToLower(name), strings.ToLower(candidate)); d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	return best
}

// distance is the Levenshtein distance of a and b in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
