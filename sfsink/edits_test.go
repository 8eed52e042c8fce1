package sfsink

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/schemas"
)

// preserving makes a bench that keeps what people change in some fields.
func preserving(t *testing.T, fields ...string) *bench {
	return newBench(t, func(o *Options) { o.Settings.Tasks.PreserveEdits = fields })
}

// edit changes the Task of a call as Bob would.
func (b *bench) edit(id int64, fields string) {
	b.Helper()
	b.set("Task", b.task(id)["Id"].(string), fields+`,"LastModifiedById":"`+bob+`AAA"`)
}

// voicemail turns a missed call into a voicemail, which changes Subject,
// Description and the recording.
func (b *bench) voicemail(id int64) {
	b.Helper()
	b.event(id, "call.voicemail_left", 50, fmt.Sprintf(`"direction":"inbound","asset":"https://assets.aircall.io/calls/%d/voicemail"`, id))
}

func TestEditsAreKept(t *testing.T) {
	b := preserving(t, "subject", "description")
	b.missed(1, curieNumber)
	b.missed(2, curieNumber)
	b.turn()
	written := b.outcome(1, schemas.Created).Written["Subject"]
	b.edit(1, `"Subject":"Mine"`)
	b.sent("")
	b.voicemail(1)
	b.voicemail(2)
	b.turn()
	if n := b.sent("queryAll"); n != 1 {
		t.Errorf("%d queries for two calls, want 1", n)
	}
	o := b.outcome(1, schemas.Updated)
	if !slices.Equal(o.Kept, []string{"Subject"}) || o.Written["Subject"] != written {
		t.Errorf("kept %v, written %q, want Subject and %q", o.Kept, o.Written["Subject"], written)
	}
	if r := o.Reasons["Subject"]; r.Rule != "F2" || !strings.Contains(r.Why, "somebody changed Subject in Salesforce") {
		t.Errorf("its reason: %+v", r)
	}
	b.task(1, "Subject", "Mine", "Description", "Find voicemail here : https://assets.aircall.io/calls/1/voicemail")
	if o := b.outcome(2, schemas.Updated); len(o.Kept) > 0 || o.LastWritten != nil {
		t.Errorf("of a call that nobody touched is kept: %v, %v", o.Kept, o.LastWritten)
	}
	b.task(2, "Subject", "Voicemail from Marie Curie on Paris")

	// It stays kept, and other fields are written on.
	b.tagged(1, 80, "Sale")
	b.turn()
	if o := b.outcome(1, schemas.Updated); !slices.Equal(o.Kept, []string{"Subject"}) {
		t.Errorf("at the next change is kept: %v", o.Kept)
	}
	b.task(1, "Subject", "Mine")
}

// Set back to what was written, or to what is wanted, the field is ours again.
func TestEditsThatAreTakenBack(t *testing.T) {
	for name, back := range map[string]string{
		"written": "Missed call from Marie Curie on Paris ",
		"wanted":  "Voicemail from Marie Curie on Paris",
	} {
		t.Run(name, func(t *testing.T) {
			b := preserving(t, "*")
			b.missed(1, curieNumber)
			b.turn()
			b.edit(1, `"Subject":"Mine"`)
			b.voicemail(1)
			b.turn()
			b.task(1, "Subject", "Mine")
			b.edit(1, fmt.Sprintf(`"Subject":%q`, back))
			b.tagged(1, 80, "Sale")
			b.turn()
			b.task(1, "Subject", "Voicemail from Marie Curie on Paris")
			if o := b.outcome(1, schemas.Updated); len(o.Kept) > 0 {
				t.Errorf("still kept: %v", o.Kept)
			}
			b.sent("")
			b.event(1, "call.archived", 90, `"archived":true`)
			b.turn()
			b.outcome(1, schemas.Unchanged)
			if n := b.sent("queryAll"); n != 0 {
				t.Errorf("%d queries about a field that is ours again", n)
			}
		})
	}
}

func TestNoQueryWhereNoPreservedFieldChanges(t *testing.T) {
	b := preserving(t, "subject")
	b.answered(1, curieNumber, "ada")
	b.turn()
	b.edit(1, `"Subject":"Mine"`)
	b.sent("")
	b.hungup(1)
	b.turn()
	b.outcome(1, schemas.Updated)
	b.task(1, "Subject", "Mine", "CallDurationInSeconds", float64(60))
	if n := b.sent("query"); n != 0 {
		t.Errorf("%d queries", n)
	}
}

// An edit is seen also after a write of ours to other fields, which made us the last
// who changed the Task.
func TestEditsBeforeAWriteOfOurs(t *testing.T) {
	b := preserving(t, "subject")
	b.missed(1, curieNumber)
	b.turn()
	b.edit(1, `"Subject":"Mine"`)
	b.tagged(1, 30, "Sale")
	b.turn()
	b.task(1, "LastModifiedById", integration)
	b.voicemail(1)
	b.turn()
	b.task(1, "Subject", "Mine")
	if o := b.outcome(1, schemas.Updated); !slices.Equal(o.Kept, []string{"Subject"}) {
		t.Errorf("kept: %v", o.Kept)
	}
}

// What was written and read back is never taken for somebody's, whatever its type.
func TestReadBackIsNoEdit(t *testing.T) {
	b := preserving(t, "*")
	b.event(1, "call.answered", 10, fmt.Sprintf(`"direction":"inbound","status":"answered","started_at":%d,"answered_at":%d,"raw_digits":%q,"user":{"id":11,"name":"  Ada  Agent ","email":"ada@example.com"}`, t0, t0+10, curieNumber))
	b.event(1, "call.tagged", 70, `"tags":[{"id":1,"name":" Sale\u00a0","tagged_at":1780000070}]`)
	b.event(1, "call.commented", 80, `"recording":"https://media.example.com/1.mp3?signature=a%20b&c=d","comments":[{"id":1,"content":"one\r\ntwo?  \n three \n\n ","posted_at":1780000080}]`)
	b.event(2, "call.created", 0, fmt.Sprintf(`"direction":"outbound","status":"initial","started_at":%d,"raw_digits":"anonymous",%s`, t0, user("bob")))
	b.event(2, "call.hungup", 20, `"direction":"outbound","status":"done","ended_at":1780000020`)
	b.event(3, "call.hungup", 20, fmt.Sprintf(`"direction":"inbound","status":"done","started_at":%d,"ended_at":%d,"raw_digits":%q,"comments":[{"id":1,"content":%q,"posted_at":1780000080}]`, t0, t0+20, curieNumber, strings.Repeat("long 🎉 ", 6000)))
	b.turn()
	checked := 0
	for _, id := range []int64{1, 2, 3} {
		o := b.outcome(id, schemas.Created)
		task := b.read(id)
		for name, h := range o.Written {
			held, ok := task[name]
			if !ok {
				t.Fatalf("%s was not read", name)
			}
			if !hashed(held, h) {
				t.Errorf("call %d: field %s is read back as %.60q, which is not what was written", id, name, held)
			}
			if edited := otherThan(held); hashed(edited, h) {
				t.Errorf("call %d: field %s: %.60q passes for %.60q", id, name, edited, held)
			}
			checked++
		}
	}
	if checked < 3*18 {
		t.Errorf("only %d fields were checked", checked)
	}

	// And through the sink: everything is wanted anew, nothing is kept.
	b.event(1, "callfold.rewrite", 4000, `"who":"ops","why":"spoilt"`)
	b.event(1, "call.ended", 100, `"asset":"https://assets.aircall.io/calls/1/recording","status":"done","ended_at":1780000090`)
	b.turn()
	if o := b.outcome(1, schemas.Updated); len(o.Kept) > 0 {
		t.Errorf("kept: %v", o.Kept)
	}
	b.task(1, "aircall__Call_Recording__c", "https://assets.aircall.io/calls/1/recording", "CallDurationInSeconds", float64(80))
}

// read is the call's Task as the API gives it.
func (b *bench) read(id int64) salesforce.Record {
	b.Helper()
	var names []string
	for _, f := range b.sink.rules.TaskFields() {
		names = append(names, f.Name)
	}
	key := strconv.FormatInt(id, 10)
	alive, err := (&turn{Sink: b.sink}).alive(b.Context(), []string{key}, names)
	if err != nil || alive[key] == nil {
		b.Fatalf("reading the Task of call %d: %v", id, err)
	}
	return alive[key]
}

// otherThan is a value that somebody might put in its place.
func otherThan(held any) any {
	switch v := held.(type) {
	case nil:
		return "x"
	case bool:
		return !v
	case float64:
		return v + 1
	case string:
		return "X" + v[1:]
	}
	panic(fmt.Sprintf("a %T", held))
}

func TestCanonicalForms(t *testing.T) {
	for held, wanted := range map[any]any{
		"2026-01-05T00:00:00.000+0000": "2026-01-05",
		"14:05:00.000Z":                "14:05",
		" a\r\nb\t":                    "a\nb",
		60.0:                           int64(60),
		"":                             nil,
		"  \n":                         nil,
	} {
		if got := canonical(held); got != wanted || canonical(wanted) != wanted {
			t.Errorf("%q is %v, want %v", held, got, wanted)
		}
	}
	for _, same := range []any{"2026-01-05T10:00:00.000+0000", "14:05:09.000Z", "2026-13-05T00:00:00.000+0000", 1.5, true} {
		if got := canonical(same); got != same {
			t.Errorf("%v is %v", same, got)
		}
	}
}

// A field that was never written is somebody's once it holds something.
func TestEditOfAFieldThatWasNeverWritten(t *testing.T) {
	lead := `{"Lead":[{"Id":"00Q000000000001AAA","Name":"Late Lead","Company":"X","Phone":"0033198765432","OwnerId":"005000000000003AAA","IsConverted":false,"LastModifiedDate":"2026-01-01T00:00:00.000+0000"}]}`
	for name, who := range map[string]string{"nobody": "", "somebody": curie} {
		t.Run(name, func(t *testing.T) {
			b := preserving(t, "who_id", "owner_id")
			b.answered(1, unknownNumber, "ada")
			b.turn()
			b.task(1, "WhoId", nil, "OwnerId", integration)
			want, kept := "00Q000000000001", 0
			if who != "" {
				b.edit(1, `"WhoId":"`+who+`AAA"`)
				want, kept = who, 1
			}
			b.load(lead)
			b.later(time.Minute)
			b.hungup(1)
			b.turn()
			b.task(1, "WhoId", want, "OwnerId", ada)
			if o := b.outcome(1, schemas.Updated); len(o.Kept) != kept {
				t.Errorf("kept: %v", o.Kept)
			}
		})
	}
}

// Another Task with the call's key is written in full, but for what somebody has in it.
func TestEditsOfAnotherTask(t *testing.T) {
	b := preserving(t, "subject")
	b.missed(1, curieNumber)
	b.turn()
	b.remove("Task", b.task(1)["Id"].(string))
	b.load(`{"Task":[{"Id":"00T000000009999EAA","Subject":"a copy","Aircall_Call_Id__c":"1","OwnerId":"005000000000003AAA","LastModifiedById":"005000000000003AAA"}]}`)
	b.voicemail(1)
	b.turn()
	b.task(1, "Subject", "a copy", "Type", "Call", "OwnerId", ada, "aircall__Phone_number__c", "33176360011")
	if o := b.outcome(1, schemas.Updated); o.TaskID != "00T000000009999EAA" || len(o.Kept) != 1 {
		t.Errorf("Task %s, kept %v", o.TaskID, o.Kept)
	}
}

// An operator's rewrite restores all but what is preserved.
func TestRewriteKeepsPreservedEdits(t *testing.T) {
	b := preserving(t, "subject")
	b.missed(1, curieNumber)
	b.turn()
	b.edit(1, `"Subject":"Mine","CallDisposition":"Mine"`)
	b.event(1, "callfold.rewrite", 4000, `"who":"ops","why":"spoilt"`)
	b.turn()
	b.task(1, "Subject", "Mine", "CallDisposition", "['aircall', 'inbound', 'unanswered_call', '33176360011', 'agents_did_not_answer']")
	if o := b.outcome(1, schemas.Updated); !slices.Equal(o.Kept, []string{"Subject"}) {
		t.Errorf("kept: %v", o.Kept)
	}
	// What was written is remembered all the same.
	b.edit(1, `"Subject":"Missed call from Marie Curie on Paris"`)
	b.voicemail(1)
	b.turn()
	b.task(1, "Subject", "Voicemail from Marie Curie on Paris")
}

// A turn wrote and did not commit. What the Task holds is not what is remembered, and
// only who changed it last tells whose it is.
func TestEditsAfterATurnThatDidNotCommit(t *testing.T) {
	for name, edit := range map[string]string{"nobody": "", "somebody": "Mine"} {
		t.Run(name, func(t *testing.T) {
			b := preserving(t, "call_disposition")
			b.missed(1, curieNumber)
			b.turn()
			b.tagged(1, 80, "Sale")
			stored, pending := b.table.stored["1"], b.pending
			b.turn()
			if edit != "" {
				b.edit(1, `"CallDisposition":"Mine"`)
			}
			b.table.stored["1"] = stored
			b.pending, b.repeats = pending, len(pending)
			b.tagged(1, 85, "Sale", "Done")
			b.turn()
			want := edit
			if want == "" {
				want = "['Sale', 'Done', 'aircall', 'inbound', 'unanswered_call', '33176360011', 'agents_did_not_answer']"
			}
			b.task(1, "CallDisposition", want)
			if o := b.outcome(1, schemas.Updated); (len(o.Kept) > 0) != (edit != "") {
				t.Errorf("kept: %v", o.Kept)
			}
		})
	}
}

// A link that was only signed anew is nobody's, though somebody changed the Task last.
func TestLinkSignedAnewIsNoEdit(t *testing.T) {
	b := preserving(t, "recording")
	b.missed(1, curieNumber)
	b.turn()
	stored := b.table.stored["1"]
	b.event(1, "call.ended", 100, `"recording":"https://media.example.com/1.mp3?signature=one"`)
	pending := b.pending
	b.turn()
	b.edit(1, `"Subject":"Mine"`)
	b.table.stored["1"] = stored
	b.pending, b.repeats = pending, len(pending)
	b.event(1, "call.commented", 110, `"recording":"https://media.example.com/1.mp3?signature=two"`)
	b.turn()
	b.task(1, "aircall__Call_Recording__c", "https://media.example.com/1.mp3?signature=two")
	if o := b.outcome(1, schemas.Updated); len(o.Kept) > 0 {
		t.Errorf("kept: %v", o.Kept)
	}
}

// The same for the turn that created the Task.
func TestEditsOfATaskWhoseCreationDidNotCommit(t *testing.T) {
	b := preserving(t, "subject", "task_subtype")
	b.missed(1, curieNumber)
	pending := b.pending
	b.turn()
	b.edit(1, `"Subject":"Mine"`)
	delete(b.table.stored, "1")
	b.pending, b.repeats = pending, len(pending)
	b.sent("")
	b.turn()
	b.task(1, "Subject", "Mine")
	if n := b.sent("PATCH"); n != 1 {
		t.Errorf("%d writes, want 1 in the update lane", n)
	}
	if o := b.outcome(1, schemas.Updated); !slices.Equal(o.Kept, []string{"Subject"}) || o.TaskID == "" {
		t.Errorf("kept: %v", o.Kept)
	}
}

// An edit that was seen is not forgotten where the last change of the Task is ours and
// it is not known what was written.
func TestKeptOutlivesATurnThatDidNotCommit(t *testing.T) {
	b := preserving(t, "subject")
	b.missed(1, curieNumber)
	b.turn()
	b.edit(1, `"Subject":"Mine"`)
	b.voicemail(1)
	b.turn()
	b.task(1, "Subject", "Mine", "LastModifiedById", integration)
	b.tagged(1, 80, "Sale")
	b.repeats = 1
	b.turn()
	b.task(1, "Subject", "Mine")
	b.outcome(1, schemas.Updated)
}

// Read back after an unanswered request, a preserved field keeps what somebody wrote,
// and what an old request of ours brought is mended.
func TestReadingBackKeepsEdits(t *testing.T) {
	for name, by := range map[string]string{"somebody": bob, "an old request": integration} {
		t.Run(name, func(t *testing.T) {
			b, _ := lost(t, func(o *Options) { o.Settings.Tasks.PreserveEdits = []string{"subject"} })
			want := b.task(1)["Subject"]
			b.set("Task", b.task(1)["Id"].(string), `"Subject":"Mine","CallDisposition":"Mine","LastModifiedById":"`+by+`AAA"`)
			if by == bob {
				want = "Mine"
			}
			b.later(confirmAfter + time.Second)
			b.turn()
			b.task(1, "Subject", want, "CallDisposition", "['aircall', 'inbound', 'answered_call', '33176360011']")
			if o := b.outcome(1, schemas.Updated); (len(o.Kept) > 0) != (by == bob) {
				t.Errorf("kept: %v", o.Kept)
			}
		})
	}
}

// Between refusals it is remembered what was written to the preserved fields.
func TestEditsOutliveRefusals(t *testing.T) {
	b := preserving(t, "subject")
	b.missed(1, curieNumber)
	b.turn()
	id := b.task(1)["Id"].(string)
	b.edit(1, `"Subject":"Mine"`)
	b.sim.Fail(sfsim.Fault{ExternalIDs: []string{id}, Code: "UNABLE_TO_LOCK_ROW", Times: 2})
	b.voicemail(1)
	b.turn()
	if o := b.outcome(1, schemas.Retrying); !slices.Equal(o.Kept, []string{"Subject"}) {
		t.Errorf("kept: %v", o.Kept)
	}
	b.later(time.Minute)
	b.turn()
	if o := b.outcome(1, schemas.Retrying); o.Written != nil || len(o.LastWritten) != 1 {
		t.Errorf("after two refusals: written %v, last written %v", o.Written, o.LastWritten)
	}
	b.set("Task", id, `"Subject":"Missed call from Marie Curie on Paris"`)
	b.later(time.Hour)
	b.turn()
	b.outcome(1, schemas.Updated)
	b.task(1, "Subject", "Voicemail from Marie Curie on Paris")
}

// While the Task cannot be read nothing is written.
func TestEditsThatCannotBeRead(t *testing.T) {
	b := preserving(t, "subject")
	b.missed(1, curieNumber)
	b.turn()
	b.edit(1, `"Subject":"Mine"`)
	b.sim.Fail(sfsim.Fault{Operation: "query", Status: 503, Times: requestTries})
	b.voicemail(1)
	if b.try() == nil {
		t.Fatal("the turn went on")
	}
	b.task(1, "Subject", "Mine", "Description", nil)
	b.turn()
	b.task(1, "Subject", "Mine")
	b.outcome(1, schemas.Updated)
}

// TestEditBeforeAnotherFieldOfOurs: a person's edit that nothing of ours was about to
// overwrite, then a write of another field, then a turn that may have been done before. The
// last who modified the Task is callfold then, and the edit is a person's all the same.
func TestEditBeforeAnotherFieldOfOurs(t *testing.T) {
	b := preserving(t, "subject")
	b.missed(1, curieNumber)
	b.turn()
	b.edit(1, `"Subject":"Mine"`)
	b.tagged(1, 30, "Sale")
	b.turn()
	b.task(1, "Subject", "Mine", "LastModifiedById", integration)
	b.tagged(1, 80, "Sale", "Done")
	b.repeats = 1
	b.turn()
	b.task(1, "Subject", "Mine")
}
