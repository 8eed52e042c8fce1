package sfsink

import (
	"slices"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/projector"
)

// preserved are the API names of the fields that tasks.preserve_edits names.
func preserved(rules *projector.Rules, logical []string) map[string]bool {
	names := map[string]bool{}
	for _, f := range rules.TaskFields() {
		if slices.Contains(logical, f.Logical) || slices.Contains(logical, projector.EveryField) {
			names[f.Name] = true
		}
	}
	return names
}

// overwrites tells whether the job is about to write a preserved field of a Task
// that exists, or may exist, and that was not read yet.
func (j *job) overwrites() bool {
	if len(j.preserved) == 0 || j.dryRun || j.holds != nil {
		return false
	}
	r := j.row()
	if r.create && !j.unwritten {
		return false
	}
	for name := range r.fields {
		if j.preserved[name] {
			return true
		}
	}
	return false
}

// edited tells whether a field that is not as it is wanted is preserved, and somebody
// changed it since it was written.
func (j *job) edited(f projector.Field) bool {
	return j.preserved[f.Name] && j.changedBySomebody(f)
}

// changedBySomebody tells whether a field that is not as it is wanted was changed by
// somebody since it was written. Three values are compared: the one written last, the
// one wanted, and the one that the Task holds.
func (j *job) changedBySomebody(f projector.Field) bool {
	held, read := j.holds[f.Name]
	if !read || hashed(held, j.hashes[f.Name]) {
		return false
	}
	written, known := j.lastWritten(f.Name)
	switch {
	case !known:
	case written == "" && (held == nil || held == false || f.Name == "OwnerId" && held == j.org.IntegrationUser):
		return false // as it is where nobody says anything
	case written != "" && hashed(held, written):
		return false
	case !j.uncertain(), written == j.hashes[f.Name] && j.prev.Confirm == 0:
		return true // nor has anything else been wanted since
	}
	// It may be something else that was wanted once, by a write of which it is not
	// known whether it took place. Then nobody has changed the Task after it; where
	// somebody had changed the field before, that was seen.
	if j.taskID == j.prev.TaskID && slices.Contains(j.prev.Kept, f.Name) {
		return true
	}
	return j.modifiedBy != j.org.IntegrationUser
}

// hashed tells whether a value that was read has the hash of one wanted.
func hashed(held any, want string) bool {
	return hash(canonical(held)) == want || hash(canonical(unsigned(held))) == want
}

// lastWritten is the hash of what was last written to a field of the Task, empty
// for a field that never was; known is false where that is not remembered.
func (j *job) lastWritten(name string) (h string, known bool) {
	if j.taskID != j.prev.TaskID {
		return "", false
	}
	if len(j.prev.Written) > 0 {
		return j.prev.Written[name], true
	}
	h, known = j.prev.LastWritten[name]
	return h, known
}

// remembered are the hashes of what was last written to the preserved fields.
func (j *job) remembered() map[string]string {
	hashes := map[string]string{}
	for name := range j.preserved {
		if h, _ := j.lastWritten(name); h != "" {
			hashes[name] = h
		}
	}
	return hashes
}

// takes notes what the call's Task holds, of the fields that were asked for.
func (j *job) takes(task salesforce.Record, names []string) {
	j.holds = salesforce.Record{}
	for _, name := range names {
		j.holds[name] = task[name]
	}
	j.modifiedBy = text(task, "LastModifiedById")
	if id := text(task, "Id"); id != j.taskID {
		j.taskID, j.unwritten = id, true
	}
}
