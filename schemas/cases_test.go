package schemas_test

import (
	"reflect"
	"slices"

	"github.com/callfold/callfold/schemas"
)

// cases recognise, in a log in its order of arrival, the situations that must
// come up often enough for the laws to mean anything.
var cases = []struct {
	name string
	in   func(log []entry) bool
}{
	{"A→C answered, then C→B failed", func(log []entry) bool {
		return some(log, "call.transferred", func(first entry) bool {
			c := first.body.data["transferred_to"]
			return c != nil && some(log, "call.unsuccessful_transfer", func(failed entry) bool {
				return after(failed, first) && same(failed.body.data["transferred_by"], c) &&
					slices.ContainsFunc(log, func(s entry) bool {
						return sighting(s) && s.body.at >= first.body.at && same(s.body.data["user"], c)
					})
			})
		})
	}},
	{"a failed B and a transferred C in one second", func(log []entry) bool {
		return some(log, "call.transferred", func(c entry) bool {
			return some(log, "call.unsuccessful_transfer", func(b entry) bool {
				return b.body.at == c.body.at && !same(b.body.data["transferred_to"], c.body.data["transferred_to"])
			})
		})
	}},
	{"tagged [a] and [a,b] in one second", func(log []entry) bool { return tagsOfOneSecond(log, "call.tagged") }},
	{"untagged [a] and [a,b] in one second", func(log []entry) bool { return tagsOfOneSecond(log, "call.untagged") }},
	{"[] against null", func(log []entry) bool {
		for _, list := range []string{"tags", "comments"} {
			if slices.ContainsFunc(log, func(e entry) bool { return isList(e.body.data[list], 0) }) &&
				slices.ContainsFunc(log, func(e entry) bool { return same(e.body.data[list], null) }) &&
				slices.ContainsFunc(log, func(e entry) bool { return isList(e.body.data[list], 1) }) {
				return true
			}
		}
		return false
	}},
	{"bodies that differ only in signatures", func(log []entry) bool {
		return pair(log, func(a, b entry) bool {
			return a.event.Key == b.event.Key && !reflect.DeepEqual(a.body.data, b.body.data)
		})
	}},
	{"a late created", func(log []entry) bool {
		return pair(log, func(a, b entry) bool { return b.body.name == "call.created" && after(a, b) })
	}},
	{"ringing(B) after answered(A)", func(log []entry) bool {
		return some(log, "call.answered", func(a entry) bool {
			return some(log, "call.ringing_on_agent", func(b entry) bool {
				return after(b, a) && a.body.data["user"] != nil && b.body.data["user"] != nil &&
					!same(a.body.data["user"], b.body.data["user"])
			})
		})
	}},
	{"the duplicate at a lower offset", func(log []entry) bool {
		return pair(log, func(a, b entry) bool { return reflect.DeepEqual(a.event, b.event) && b.offset < a.offset })
	}},
	{"33 events", func(log []entry) bool {
		keys := map[string]bool{}
		for _, e := range log {
			keys[e.event.Key.String()+e.event.Name] = true
		}
		return len(keys) >= 33
	}},
	{"participants 2→1", func(log []entry) bool {
		return slices.ContainsFunc(log, func(two entry) bool {
			return isList(two.body.data["participants"], 3) && slices.ContainsFunc(log, func(one entry) bool {
				return after(one, two) && isList(one.body.data["participants"], 2)
			})
		})
	}},
	{"17 transfers", func(log []entry) bool {
		keys := map[schemas.Key]bool{}
		for _, e := range log {
			if e.body.name == "call.transferred" {
				keys[e.event.Key] = true
			}
		}
		return len(keys) >= 17
	}},
	{"erase first", func(log []entry) bool { return len(log) > 1 && log[0].body.name == schemas.EventErase }},
	{"erase last", func(log []entry) bool { return len(log) > 1 && log[len(log)-1].body.name == schemas.EventErase }},
	{"an event after the erasure's second", func(log []entry) bool {
		return some(log, schemas.EventErase, func(e entry) bool {
			return slices.ContainsFunc(log, func(later entry) bool { return after(later, e) })
		})
	}},
	{"a REST object among events", func(log []entry) bool {
		return some(log, schemas.EventREST, func(r entry) bool {
			return slices.ContainsFunc(log, func(e entry) bool { return e.body.name != schemas.EventREST })
		})
	}},
}

// after reports whether a is later than b in the order of keys.
func after(a, b entry) bool { return a.event.Key.Compare(b.event.Key) > 0 }

// some reports whether an event of that name is as wanted.
func some(log []entry, name string, wanted func(entry) bool) bool {
	return slices.ContainsFunc(log, func(e entry) bool { return e.body.name == name && wanted(e) })
}

// pair reports whether any two events, in their order of arrival, are as wanted.
func pair(log []entry, wanted func(first, second entry) bool) bool {
	for i, a := range log {
		for _, b := range log[i+1:] {
			if wanted(a, b) {
				return true
			}
		}
	}
	return false
}

func same(a, b any) bool { return reflect.DeepEqual(a, b) }

// sighting reports whether an event's user counts as being on the phone.
func sighting(e entry) bool {
	switch e.body.name {
	case schemas.EventRinging, schemas.EventDeclined, schemas.EventTransferred, schemas.EventUnsuccessful:
		return false
	}
	return !schemas.IsCommand(e.body.name)
}

// isList reports whether a member is a list of n elements.
func isList(v any, n int) bool {
	list, ok := v.([]object)
	return ok && len(list) == n
}

func tagsOfOneSecond(log []entry, name string) bool {
	return some(log, name, func(a entry) bool {
		return some(log, name, func(b entry) bool {
			return a.body.at == b.body.at && isList(a.body.data["tags"], 1) && isList(b.body.data["tags"], 2)
		})
	})
}
