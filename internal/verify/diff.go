package verify

import (
	"maps"
	"reflect"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
)

// firstDifference is the path of the first member, by name, in which two JSON
// texts differ, such as state.tags.v[0].name. It has no value of either: a report
// may end in a log. A text that cannot be read is said instead.
func firstDifference(a, b []byte) string {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return "the record is not JSON"
	}
	if path, differ := differing(x, y); differ {
		return path[min(1, len(path)):]
	}
	return "only the form of the JSON"
}

func differing(a, b any) (path string, differ bool) {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok {
			return "", true
		}
		names := map[string]bool{}
		for name := range x {
			names[name] = true
		}
		for name := range y {
			names[name] = true
		}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			in, ok := x[name]
			in2, ok2 := y[name]
			if ok != ok2 {
				return "." + name, true
			}
			if path, differ := differing(in, in2); differ {
				return "." + name + path, true
			}
		}
		return "", false
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return "", true
		}
		for i := range x {
			if path, differ := differing(x[i], y[i]); differ {
				return "[" + strconv.Itoa(i) + "]" + path, true
			}
		}
		return "", false
	}
	return "", !reflect.DeepEqual(a, b)
}
