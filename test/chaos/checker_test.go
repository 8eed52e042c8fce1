package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callfold/callfold/schemas"
	"github.com/callfold/callfold/test/tasks"
)

// checkedAt is when the checker is asked; the generated calls are long over.
var checkedAt = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// flawless is the evidence of a run in which everything went right.
func flawless(t *testing.T, bodies int) *evidence {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ledger")
	l, err := createLedger(path)
	if err != nil {
		t.Fatal(err)
	}
	source := newBodies(7)
	var posted [][]byte
	for range bodies {
		body := source.next()
		posted = append(posted, body)
		if err := l.add(body); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	e := newEvidence(path, map[digest]int{})
	if err := e.readLedger(); err != nil {
		t.Fatal(err)
	}
	for i, body := range posted {
		e.addEvent(stored(body), int64(i), int64(1000+i))
		e.addNextInput(0, int64(i+1))
	}
	records, err := fold(e)
	if err != nil {
		t.Fatal(err)
	}
	for id, record := range records {
		if e.calls[id], err = schemas.Calls.Encode(record); err != nil {
			t.Fatal(err)
		}
	}
	e.tasks = tasksOf(t, records)
	return e
}

// tasksOf are the records that Salesforce holds when all is right.
func tasksOf(t *testing.T, records map[int64]schemas.CallRecord) []map[string]any {
	t.Helper()
	wanted, err := tasks.Wanted(records, checkedAt)
	if err != nil {
		t.Fatal(err)
	}
	var all []map[string]any
	for _, id := range slices.Sorted(maps.Keys(wanted)) {
		task := map[string]any{"Id": "00T" + id, "Aircall_Call_Id__c": id, "IsDeleted": false}
		for name, value := range wanted[id] {
			task[name] = value
		}
		all = append(all, task)
	}
	return all
}

// some is one of the evidence's bodies, the same each time.
func some(e *evidence) (digest, *body) {
	digests := slices.SortedFunc(maps.Keys(e.bodies), func(a, b digest) int { return slices.Compare(a[:], b[:]) })
	return digests[len(digests)/2], e.bodies[digests[len(digests)/2]]
}

// TestPlantedFaults: the checker sees each kind of fault, in each place where it
// can be, counts it once where it is, and the exit code is 1.
func TestPlantedFaults(t *testing.T) {
	for name, fault := range map[string]struct {
		plant                      func(t *testing.T, e *evidence)
		lost, duplicated, diverged int
	}{
		"none": {func(*testing.T, *evidence) {}, 0, 0, 0},

		"an event is lost": {func(_ *testing.T, e *evidence) {
			_, b := some(e)
			b.found, b.received = 0, nil
		}, 1, 0, 0},
		"one of two equal events is lost": {func(_ *testing.T, e *evidence) {
			_, b := some(e)
			b.accepted++
		}, 1, 0, 0},
		"a call is lost": {func(_ *testing.T, e *evidence) {
			_, b := some(e)
			delete(e.calls, b.call)
		}, 1, 0, 0},
		"a Task is lost":    {func(_ *testing.T, e *evidence) { e.tasks = e.tasks[1:] }, 1, 0, 0},
		"a Task is deleted": {func(_ *testing.T, e *evidence) { e.tasks[0]["IsDeleted"] = true }, 1, 0, 0},

		"an event is doubled": {func(_ *testing.T, e *evidence) {
			_, b := some(e)
			b.found++
			b.received = append(b.received, b.received[0]+1)
		}, 0, 1, 0},
		"an event is doubled though no journal was written": {func(_ *testing.T, e *evidence) {
			_, b := some(e)
			b.found++
			b.received = append(b.received, b.received[0])
		}, 0, 1, 0},
		"input is accounted for twice": {func(_ *testing.T, e *evidence) { e.addNextInput(0, e.nextInput[0]) }, 0, 1, 0},
		"input is accounted for again, twice": {func(_ *testing.T, e *evidence) {
			e.addNextInput(0, e.nextInput[0]-5)
			e.addNextInput(0, e.nextInput[0]-1)
		}, 0, 2, 0},
		"a Task is doubled": {func(_ *testing.T, e *evidence) {
			again := maps.Clone(e.tasks[0])
			again["Id"] = "00Tagain"
			e.tasks = append(e.tasks, again)
		}, 0, 1, 0},

		"an event that nobody posted": {func(_ *testing.T, e *evidence) {
			_, b := some(e)
			e.addEvent(fmt.Appendf(nil, `{"resource":"call","event":"call.archived","timestamp":1740988816,"data":{"id":%d}}`, b.call), 1<<40, 0)
		}, 0, 0, 2}, // itself, and what it would make of its call
		"a state differs by a byte": {func(_ *testing.T, e *evidence) {
			_, b := some(e)
			e.calls[b.call] = append(slices.Clone(e.calls[b.call]), ' ')
		}, 0, 0, 1},
		"a state lacks an event":     {func(t *testing.T, e *evidence) { lackEvent(t, e) }, 0, 0, 1},
		"a call that nobody posted":  {func(_ *testing.T, e *evidence) { e.calls[1] = []byte("{}") }, 0, 0, 1},
		"a field of a Task differs":  {func(_ *testing.T, e *evidence) { e.tasks[0]["Subject"] = "Something else" }, 0, 0, 1},
		"a field of a Task is empty": {func(_ *testing.T, e *evidence) { e.tasks[0]["CallDisposition"] = nil }, 0, 0, 1},
		"a Task that nobody wants": {func(_ *testing.T, e *evidence) {
			e.tasks = append(e.tasks, map[string]any{"Id": "00Tmore", "Aircall_Call_Id__c": "1", "IsDeleted": false})
		}, 0, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			e := flawless(t, 150)
			fault.plant(t, e)
			v, err := check(e, checkedAt)
			if err != nil {
				t.Fatal(err)
			}
			if v.Lost != fault.lost || v.Duplicated != fault.duplicated || v.Diverged != fault.diverged {
				t.Errorf("lost %d, duplicated %d, diverged %d; want %d, %d, %d\n%s", v.Lost, v.Duplicated, v.Diverged,
					fault.lost, fault.duplicated, fault.diverged, strings.Join(v.Findings, "\n"))
			}
			want := 1
			if fault.lost+fault.duplicated+fault.diverged == 0 {
				want = 0
			}
			if got := (&report{Verdict: v}).exitCode(); got != want {
				t.Errorf("exit code %d, want %d", got, want)
			}
			if want == 1 && len(v.Findings) == 0 {
				t.Error("nothing says what is wrong")
			}
		})
	}
}

// lackEvent makes a record what it would be without one of its events that
// changes the state.
func lackEvent(t *testing.T, e *evidence) {
	t.Helper()
	for d, b := range e.bodies {
		without := *e
		without.bodies = maps.Clone(e.bodies)
		delete(without.bodies, d)
		records, err := fold(&without)
		if err != nil {
			t.Fatal(err)
		}
		record, ok := records[b.call]
		if !ok {
			continue
		}
		if e.calls[b.call], err = schemas.Calls.Encode(record); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatal("every call has one event")
}

// TestAllowed: what is no fault is not taken for one.
func TestAllowed(t *testing.T) {
	for name, allow := range map[string]func(t *testing.T, e *evidence){
		"an event twice, posted once more without an answer": func(_ *testing.T, e *evidence) {
			d, b := some(e)
			e.unanswered[d] = 1
			b.found++
			b.received = append(b.received, b.received[0]+1)
		},
		"an event twice with one time of reception, from a journal": func(_ *testing.T, e *evidence) {
			e.journaled = true
			_, b := some(e)
			b.found++
			b.received = append(b.received, b.received[0])
		},
		"an event that was posted and never answered": func(t *testing.T, e *evidence) {
			d, b := some(e)
			file, err := os.Open(e.ledger)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			content, err := b.read(file)
			if err != nil {
				t.Fatal(err)
			}
			// It is in the topic, and in the state, and not in the ledger.
			e.unanswered[d] = 1
			b.accepted, b.content = 0, content
		},
		"a link signed anew": func(_ *testing.T, e *evidence) {
			for _, task := range e.tasks {
				if link, _ := task["aircall__Call_Recording__c"].(string); link != "" {
					task["aircall__Call_Recording__c"] = link + "?X-Amz-Date=20250303T080000Z"
				}
			}
		},
		"a number as Salesforce holds it": func(t *testing.T, e *evidence) {
			seconds, err := strconv.ParseFloat(e.tasks[0]["CallDurationInSeconds"].(string), 64)
			if err != nil {
				t.Fatal(err)
			}
			e.tasks[0]["CallDurationInSeconds"] = seconds
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := flawless(t, 150)
			allow(t, e)
			v, err := check(e, checkedAt)
			if err != nil {
				t.Fatal(err)
			}
			if !v.ok() {
				t.Errorf("lost %d, duplicated %d, diverged %d\n%s", v.Lost, v.Duplicated, v.Diverged, strings.Join(v.Findings, "\n"))
			}
		})
	}
}

// TestRunThatProvesNothing: each counter that must be met fails the run when it is 0.
func TestRunThatProvesNothing(t *testing.T) {
	met := func() map[string]int {
		return map[string]int{metAborted: 1, metUnknown: 1, metTakeover: 1, metLost: 1, metReplays: 1}
	}
	if code := (&report{Verdict: &verdict{}, Met: met(), Demanded: true}).exitCode(); code != 0 {
		t.Errorf("exit code %d of a run that met everything", code)
	}
	for name := range met() {
		without := met()
		without[name] = 0
		r := &report{Verdict: &verdict{}, Met: without, Demanded: true}
		if r.exitCode() != 1 {
			t.Errorf("a run with 0 %s passed", name)
		}
		var text strings.Builder
		if err := r.write(&text, "text"); err != nil || !strings.Contains(text.String(), "MISSING     "+name) {
			t.Errorf("%v; it is not said that there are no %s:\n%s", err, name, &text)
		}
	}
	if (&report{Verdict: &verdict{}, Met: met(), Complaints: []string{"ingest-0 ended by itself"}}).exitCode() != 1 {
		t.Error("a run in which a stage ended by itself passed")
	}
	if (&report{Met: met()}).exitCode() != 1 {
		t.Error("a run without a verdict passed")
	}
}
