package sfsink

import (
	"context"
	"slices"
	"time"

	"github.com/callfold/callfold/schemas"
)

// revive looks whether somebody has restored the Tasks that were found deleted: such
// a Task is written on, from what was last written to it. The others stay deleted, or
// are created anew with all fields, by tasks.deleted or by an operator's command.
func (t *turn) revive(ctx context.Context) error {
	gone := slices.DeleteFunc(t.open(), func(j *job) bool { return j.prev.Result != schemas.Deleted || j.erasing })
	for some := range slices.Chunk(gone, idsAQuery) {
		keys := make([]string, len(some))
		for i, j := range some {
			keys[i] = j.key
		}
		alive, err := t.alive(ctx, keys, nil)
		if err != nil {
			return err
		}
		for _, j := range some {
			switch id := text(alive[j.key], "Id"); {
			case id == j.taskID && id != "":
			case id != "":
				j.taskID, j.unwritten = id, true
			case j.recreates() || j.retry:
				j.taskID, j.unwritten, j.unconfirmed = "", true, false
			default:
				j.gone()
			}
		}
	}
	return nil
}

// gone ends the job: somebody deleted the Task. A write that is carried out yet may
// make another.
func (j *job) gone() {
	j.finish(schemas.Deleted)
	j.outcome.Rule, j.outcome.Kept = "tasks.deleted", nil
	if j.confirm != 0 {
		j.park(time.UnixMilli(j.confirm))
	}
}

// recreates tells whether a Task that somebody deleted is created anew: by
// tasks.deleted, or since an operator wants the call to be rewritten.
func (j *job) recreates() bool { return (j.recreate || j.rewrite) && !j.besides }
