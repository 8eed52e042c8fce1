package sfsink

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/schemas"
)

// cell is one of the situations in which an error is met.
type cell struct {
	code     string
	class    class // the row's or the request's, as the lane has it
	update   bool  // the Task exists
	all      bool  // all rows, else one
	recovers bool  // the cause goes away after the first turn
}

// String names the cell like a line of the table.
func (c cell) String() string {
	pick := func(b bool, yes, no string) string {
		if b {
			return yes
		}
		return no
	}
	return fmt.Sprintf("%-12s %-46s %-6s %-4s %-9s", c.class, c.code,
		pick(c.update, "update", "first"), pick(c.all, "all", "one"), pick(c.recovers, "goes away", "stays"))
}

// ofRow tells whether Salesforce gives the code to a row, else to a request.
func (c cell) ofRow() bool {
	switch c.class {
	case classOrg, classDuplicate, classPermanent, classStaleMatch, classStaleOwner, classWrongLane, classContention, classCollateral, classUnknown:
		return !strings.HasPrefix(c.code, "HTTP_")
	}
	return c.code == "INVALID_FIELD_FOR_INSERT_UPDATE"
}

// ofSignIn tells whether it is the token endpoint that answers the code.
func (c cell) ofSignIn() bool { return c.code == strings.ToLower(c.code) }

// status is the HTTP status with which Salesforce refuses a request for the code.
func (c cell) status() int {
	if digits, ok := strings.CutPrefix(c.code, "HTTP_"); ok {
		status, _ := strconv.Atoi(digits)
		return status
	}
	return cmp.Or(map[string]int{
		"INVALID_SESSION_ID": http.StatusUnauthorized, "REQUEST_LIMIT_EXCEEDED": http.StatusForbidden,
		"SERVER_UNAVAILABLE": http.StatusServiceUnavailable, "NOT_FOUND": http.StatusNotFound, "UNSUPPORTED_API_VERSION": http.StatusNotFound,
		"UNKNOWN_EXCEPTION": http.StatusInternalServerError, "APEX_ERROR": http.StatusInternalServerError,
	}[c.code], http.StatusBadRequest)
}

// faults are what the simulator is told; the culprit is the call whose row is met
// where not all are.
func (c cell) fault(culprit string, calls int) sfsim.Fault {
	f := sfsim.Fault{Code: c.code, Message: "matrix", Times: -1}
	if strings.HasPrefix(c.code, "HTTP_") {
		f.Code = ""
	}
	if c.class == classWrongLane {
		f.Fields = []string{"TaskSubtype"}
	}
	if c.class == classStaleMatch {
		f.Fields = []string{"WhoId"}
	}
	if c.recovers && (c.class == classStaleMatch || c.class == classStaleOwner) {
		if f.Times = 1; c.all { // the next try is in the same turn
			f.Times = calls
		}
	}
	switch {
	case c.ofSignIn():
		f.Operation, f.Status = "token", http.StatusBadRequest
		return f
	case c.all && c.ofRow():
		f.Rows = true
		return f
	case c.all:
		f.Status = c.status()
		f.Method, f.Path = http.MethodPatch, "/composite/sobjects"
		return f
	}
	f.ExternalIDs = []string{culprit}
	f.Whole, f.Status = !c.ofRow(), c.status()
	return f
}

// calls is how many calls the cell has.
func (c cell) calls() int64 {
	switch {
	case fullSize && !c.all:
		return 200
	case c.class == classHeavy || c.class == classPoison || fullSize:
		return 2*probeAbove + 4 // a request that is probed
	}
	return 4
}

// want is what has to become of the calls that are met: their outcome at the end,
// and the reason for which the sink pauses meanwhile, empty where it does not.
func (c cell) want() (result schemas.Result, paused string) {
	result = schemas.Created
	if c.update {
		result = schemas.Updated
	}
	switch {
	case c.class.stops():
		paused = string(c.class)
	case c.class == classHeavy && c.all:
		paused = string(classOutage) // it is not the rows
	case c.class == classPoison && c.all:
		paused = string(classConfig)
	}
	switch {
	case paused != "" || c.recovers && c.class != classPermanent:
	case c.class == classDuplicate:
		result = schemas.Retrying // until an administrator has merged them
	default:
		result = schemas.Rejected
	}
	return result, paused
}

// representatives are the codes that stand for their classes in the whole matrix.
var representatives = map[class]string{
	classSignIn: "INVALID_SESSION_ID", classConfig: "INVALID_FIELD", classOrg: "STORAGE_LIMIT_EXCEEDED",
	classThrottle: "REQUEST_LIMIT_EXCEEDED", classOutage: "SERVER_UNAVAILABLE", classHeavy: "UNKNOWN_EXCEPTION",
	classPoison: "JSON_PARSER_ERROR", classDuplicate: "DUPLICATE_EXTERNAL_ID", classPermanent: "FIELD_CUSTOM_VALIDATION_EXCEPTION",
	classStaleMatch: "ENTITY_IS_DELETED", classStaleOwner: "INACTIVE_OWNER_OR_USER", classWrongLane: "INVALID_FIELD_FOR_INSERT_UPDATE",
	classContention: "UNABLE_TO_LOCK_ROW", classCollateral: "ALL_OR_NONE_OPERATION_ROLLED_BACK", classUnknown: "SOMETHING_NEW",
}

// TestMatrix: every class of errors, at the first write and at an update, of one row
// in two hundred (in a few without CALLFOLD_TEST_FULL) and of all, with a cause that
// goes away and with one that stays.
func TestMatrix(t *testing.T) {
	t.Log("class        code                                           lane   rows cause     pause    outcome    requests attempts")
	for _, class := range bySeverity {
		for _, update := range []bool{false, true} {
			for _, all := range []bool{false, true} {
				for _, recovers := range []bool{true, false} {
					c := cell{representatives[class], class, update, all, recovers}
					if class == classWrongLane && update {
						c.class = classConfig // there is no other lane: a right is missing
					}
					t.Run(strings.Join(strings.Fields(c.String()), " "), func(t *testing.T) { playCell(t, c, c.calls()) })
				}
			}
		}
	}
}

// TestEveryCodeOfTheTaxonomy meets each line of the table, so that a new one is
// tested by itself: at the first write with a cause that stays, at an update with one
// that goes away (with CALLFOLD_TEST_FULL both in both), one row in three.
func TestEveryCodeOfTheTaxonomy(t *testing.T) {
	for _, code := range slices.Sorted(maps.Keys(taxonomy)) {
		for _, update := range []bool{false, true} {
			for _, recovers := range []bool{true, false} {
				if update != recovers && !fullSize {
					continue
				}
				c := cell{code: code, class: taxonomy[code].class, update: update, recovers: recovers}
				if code == "INVALID_FIELD_FOR_INSERT_UPDATE" && !update {
					c.class = classWrongLane // for a field that is set at creation only
				}
				t.Run(strings.Join(strings.Fields(c.String()), " "), func(t *testing.T) { playCell(t, c, 3) })
			}
		}
	}
}

// matrixTurns is how many turns a cell gets whose cause stays: more than a call has
// attempts. A sink that pauses does the same each time, so it gets fewer.
const (
	matrixTurns = rowAttempts + 6
	pausedTurns = 4
)

// playCell plays one cell with so many calls and writes its line of the table.
func playCell(t *testing.T, c cell, calls int64) {
	b := newBench(t, func(o *Options) { o.RefreshEvery = 1000 * time.Hour }) // only what the cell is about
	shown := "-"
	culprit := calls/2 + 1
	hit := func(id int64) bool { return c.all || id == culprit || c.ofSignIn() }
	for id := int64(1); id <= calls; id++ {
		b.answered(id, curieNumber, "ada")
	}
	if c.update {
		b.turn()
		for id := int64(1); id <= calls; id++ {
			b.hungup(id)
		}
	}
	b.sim.Fail(c.fault(strconv.FormatInt(culprit, 10), int(calls)))
	if c.ofSignIn() {
		b.sim.Expire()
	}
	result, paused := c.want()
	b.sent("")
	met := b.meet(c, paused, calls)
	requests := b.sent("")

	if paused != "" { // it may have stayed until now; nothing was lost meanwhile
		b.sim.Heal()
		b.turn()
	}
	if c.class == classPermanent && c.recovers { // somebody has mended the cause and asks for another try
		for id := int64(1); id <= calls; id++ {
			if hit(id) {
				b.outcome(id, schemas.Rejected)
				b.event(id, "callfold.retry", 4000, `"who":"ops","why":"mended"`)
			}
		}
		b.turn()
		if result = schemas.Created; c.update {
			result = schemas.Updated
		}
	}
	others, ended := schemas.Created, result
	if c.update {
		others = schemas.Updated
	}
	if paused != "" { // what a turn that was given up may have written is read back
		b.later(time.Hour)
		b.turn()
		shown, others, result = paused, schemas.Unchanged, schemas.Unchanged
	}
	if len(b.table.rejected) > 0 {
		t.Errorf("records were rejected: %v", b.table.rejected)
	}
	held := b.tasksByCall()
	for id := int64(1); id <= calls; id++ {
		want := others
		if hit(id) {
			want = result
		}
		b.checkCall(c, id, want, held[strconv.FormatInt(id, 10)])
	}
	t.Logf("%s %-8s %-10s %8d %8d", c, shown, ended, requests, met)
}

// checkCall checks what has become of a call: its outcome, and its Task, of which
// there is one at most.
func (b *bench) checkCall(c cell, id int64, want schemas.Result, tasks []salesforce.Record) {
	b.Helper()
	o := b.outcome(id, want)
	written := want == schemas.Created || want == schemas.Updated || want == schemas.Unchanged
	if n := len(tasks); n > 1 || n == 0 && (c.update || written) {
		b.Fatalf("call %d has %d Tasks", id, n)
	}
	if !written {
		e := o.Error
		why := e != nil && e.Code == c.code && e.Class != "" && (e.Message != "" || strings.HasPrefix(c.code, "HTTP_"))
		if !why || want == schemas.Rejected && c.class != classCollateral && e.Fix == "" {
			b.Fatalf("call %d: the outcome does not say why: %+v", id, e)
		}
		return
	}
	if o.Error != nil || o.Attempts != 0 || o.Parked != nil || o.Confirm != 0 {
		b.Fatalf("call %d is not at rest: error %+v, %d attempts, parked until %d, to be read back at %d", id, o.Error, o.Attempts, o.NextAttempt, o.Confirm)
	}
	if c.update && tasks[0]["CallDurationInSeconds"] != float64(60) {
		b.Fatalf("call %d was not written: %v", id, tasks[0]["CallDurationInSeconds"])
	}
}

// meet plays turns: one with the cause, and, where it goes away, those that follow;
// else as many as a call has attempts, and more. It gives the most attempts of a call
// that were counted.
func (b *bench) meet(c cell, paused string, calls int64) (attempts int) {
	b.Helper()
	turns, wait := matrixTurns, rowMaxDelay
	if paused != "" {
		turns = pausedTurns
	}
	if c.class == classDuplicate {
		wait = duplicateDelay
	}
	for turn := range turns {
		err := b.try()
		if s := (*Stopped)(nil); errors.As(err, &s) != (paused != "" && (turn == 0 || !c.recovers)) || s != nil && (s.Reason != paused || s.Fix == "") {
			b.Fatalf("turn %d ended with %v, want a pause by %q", turn+1, err, paused)
		}
		if err != nil && len(b.table.changed) > 0 {
			b.Fatalf("a turn that was given up has outcomes")
		}
		written := int64(0)
		for _, o := range b.table.stored {
			attempts = max(attempts, o.Attempts)
			if !c.update && o.Result == schemas.Created || c.update && o.Result == schemas.Updated {
				written++
			}
		}
		if err == nil && turn == 0 && !c.all && written < calls-1 {
			b.Fatalf("%d of %d calls were written in the first turn: the one that was met held up others", written, calls)
		}
		if c.recovers {
			b.sim.Heal()
		}
		if c.recovers && turn > 0 {
			return attempts
		}
		b.repeats = len(b.pending)
		b.later(wait)
	}
	return attempts
}
