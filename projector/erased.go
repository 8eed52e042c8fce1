package projector

// erasedSubject is the Subject of the Task of an erased call, in every pack.
const erasedSubject = "Erased call"

// Erased is what a Task becomes when its call is erased: its personal fields are
// empty, and the Subject is a fixed text. What was talked about, with whom and by
// whom is gone; that there was a call, when, how long and of which kind, stays, and
// with it the Task's owner. Fields that nobody may write are left out.
func (r *Rules) Erased(org Org) Task {
	var t Task
	for _, f := range r.fields {
		info, known := org.TaskFields[f.name]
		if !f.personal || known && !info.Updateable {
			continue
		}
		var value any
		if f.logical == "subject" {
			value = erasedSubject
		}
		t.Fields = append(t.Fields, Field{Name: f.name, Logical: f.logical, Value: value, Compare: value})
	}
	return t
}
