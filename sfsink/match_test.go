package sfsink

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/schemas"
)

func TestNumbersAsPeopleTypedThem(t *testing.T) {
	for i, stored := range []string{
		"+33123456789", "0123456789", "01 23 45 67 89", "01.23.45.67.89", "01-23-45-67-89", "+33 1 23 45 67 89",
		"0033123456789", "0033 1 23 45 67 89", "33123456789", "+33 (0)1 23 45 67 89",
		"  +33-1-23-45-67-89  ", "01/23/45/67/89", "01\u00a023\u00a045\u00a067\u00a089", "01–23–45–67–89", "(01) 23.45.67.89 ext. 12",
		"tel:+33-1-23-45-67-89", "0 123 456 789", "(+33) 1 2345 6789 x7", "+33 1 23456789;ext=3",
	} {
		b := newBench(t, nil)
		b.set("Contact", curie, `"Phone":null,"MobilePhone":"`+stored+`"`)
		b.answered(1, curieNumber, "ada")
		b.turn()
		if id, _ := b.task(1)["WhoId"].(string); !strings.HasPrefix(id, curie) {
			t.Errorf("%d: %q was not found", i, stored)
		}
	}
}

// TestOtherNumbersAreNotMatched: what the pattern finds is verified (M4).
func TestOtherNumbersAreNotMatched(t *testing.T) {
	for i, stored := range []string{
		"+44 1 23 45 67 89", "02 23 45 67 89", "23 45 67 89", "+33 9 23 45 67 89", "+1 123 456 7890 ext. 89", "0", "call 23456789 or 01",
	} {
		b := newBench(t, nil)
		b.set("Contact", curie, `"Phone":null,"MobilePhone":"`+stored+`"`)
		b.answered(1, curieNumber, "ada")
		b.turn()
		if id := b.task(1)["WhoId"]; id != nil {
			t.Errorf("%d: %q was matched", i, stored)
		}
	}
}

// A toll-free number may be written with the letters on the keys.
func TestNumberInLetters(t *testing.T) {
	for i, stored := range []string{"1-800-FLOWERS", "(800) flowers", "800-356-wers", "1 800 3569377"} {
		b := newBench(t, nil)
		b.set("Contact", curie, `"Phone":"`+stored+`"`)
		b.missed(1, "+1 800-356-9377")
		record := b.states["1"]
		record.State.Number.Country.Value = "US"
		b.put("1", record)
		b.turn()
		if id, _ := b.task(1)["WhoId"].(string); !strings.HasPrefix(id, curie) {
			t.Errorf("%d: %q was not found", i, stored)
		}
	}
}

// Where there is but one area code people leave it out.
func TestNumberWithoutItsAreaCode(t *testing.T) {
	b := newBench(t, nil)
	b.set("Contact", curie, `"Phone":"292-1234"`)
	b.missed(1, "+1 441-292-1234")
	record := b.states["1"]
	record.State.Number.Country.Value = "BM"
	b.put("1", record)
	b.turn()
	b.task(1, "WhoId", curie)
}

func TestAccountLeadAndPriority(t *testing.T) {
	b := newBench(t, nil)
	b.answered(1, "+33 1 99 00 00 99", "stranger")
	b.turn()
	b.task(1, "WhoId", nil, "WhatId", curieCo, "OwnerId", ada, "Subject", "Inbound call from Curie & Co on Paris")

	b.load(`{"Lead":[{"Id":"00Q000000000001AAA","Name":"L","Company":"X","Phone":"+33199000099","OwnerId":"005000000000003AAA","IsConverted":false,"LastModifiedDate":"2026-01-01T00:00:00.000+0000"},
		{"Id":"00Q000000000002AAA","Name":"Converted","Company":"X","Phone":"+33199000099","OwnerId":"005000000000003AAA","IsConverted":true,"LastModifiedDate":"2026-02-01T00:00:00.000+0000"}]}`)
	b.later(time.Hour)
	b.missed(2, "+33 1 99 00 00 99")
	b.turn()
	b.task(2, "WhoId", "00Q000000000001", "WhatId", nil, "OwnerId", bob)
}

func TestPersonAccount(t *testing.T) {
	b := newBench(t, nil)
	b.load(`{"Account":[{"Id":"001000000000009AAA","Name":"Paul Person","FirstName":"Paul","LastName":"Person","IsPersonAccount":true,"PersonMobilePhone":"01 44 44 44 44","OwnerId":"005000000000003AAA","LastModifiedDate":"2026-01-01T00:00:00.000+0000"}]}`)
	b.missed(1, "+33 1 44 44 44 44")
	b.turn()
	b.task(1, "WhoId", nil, "WhatId", "001000000000009", "OwnerId", bob)
	if o := b.outcome(1, schemas.Created); o.Match.Object != "PersonAccount" {
		t.Errorf("matched as %s", o.Match.Object)
	}
}

func TestNumbersOfABatchShareALookup(t *testing.T) {
	b := newBench(t, nil)
	b.answered(1, curieNumber, "ada")
	b.answered(2, "+33 1 99 00 00 99", "ada")
	b.answered(3, curieNumber, "ada")
	b.turn()
	if n := b.sent("POST /services/data/v64.0/composite"); n != 1 {
		t.Errorf("%d requests for two numbers, want one for Contacts, Leads and Accounts together", n)
	}
	b.task(1, "WhoId", curie)
	b.task(2, "WhatId", curieCo)
	b.task(3, "WhoId", curie)

	b.answered(4, curieNumber, "ada")
	b.turn()
	if n := b.sent("POST"); n != 0 {
		t.Errorf("a number that is in the cache was looked up")
	}
	b.later(time.Hour)
	b.answered(5, curieNumber, "ada")
	b.turn()
	if n := b.sent("POST /services/data/v64.0/composite"); n != 1 {
		t.Errorf("%d lookups after the cache's time, want 1", n)
	}
}

func TestHundredsOfNumbersInABatch(t *testing.T) {
	b := newBench(t, nil)
	var contacts []string
	for i := range 300 {
		contacts = append(contacts, fmt.Sprintf(`{"Id":"003000000001%03dAAA","Name":"C %d","Phone":"01 40 00 %02d %02d","OwnerId":"005000000000002AAA","AccountId":null,"LastModifiedDate":"2026-01-01T00:00:00.000+0000"}`, i, i, i/100, i%100))
		b.missed(int64(i+1), fmt.Sprintf("+33 1 40 00 %02d %02d", i/100, i%100))
	}
	b.load(`{"Contact":[` + strings.Join(contacts, ",") + `]}`)
	b.turn()
	for i := range 300 {
		b.task(int64(i+1), "WhoId", fmt.Sprintf("003000000001%03d", i))
	}
	if n := b.sent("POST /services/data/v64.0/composite"); n > 10 {
		t.Errorf("%d requests to look up 300 numbers", n)
	}
}

func TestWithheldNumberMatchesNothing(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Settings.Match.Create = "lead" })
	b.missed(1, "anonymous")
	b.missed(2, "+33 12")
	b.turn()
	b.task(1, "WhoId", nil, "Subject", "Missed call from Anonymous on Paris")
	b.task(2, "WhoId", nil)
	if n := len(b.sim.Records("Lead")); n != 0 {
		t.Errorf("%d Leads were created for numbers that are none", n)
	}
}

func TestOpenCaseOfTheContact(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Settings.Match.Related = "case" })
	b.load(`{"Case":[
		{"Id":"500000000000001AAA","Status":"New","IsClosed":false,"ContactId":"003000000000001AAA","OwnerId":"005000000000002AAA","LastModifiedDate":"2026-01-01T00:00:00.000+0000"},
		{"Id":"500000000000002AAA","Status":"New","IsClosed":false,"ContactId":"003000000000001AAA","OwnerId":"005000000000002AAA","LastModifiedDate":"2026-02-01T00:00:00.000+0000"},
		{"Id":"500000000000003AAA","Status":"Closed","IsClosed":true,"ContactId":"003000000000001AAA","OwnerId":"005000000000002AAA","LastModifiedDate":"2026-03-01T00:00:00.000+0000"}]}`)
	b.missed(1, curieNumber)
	b.turn()
	b.task(1, "WhoId", curie, "WhatId", "500000000000002")
}

func TestOpenOpportunityOfTheContact(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Settings.Match.Related = "opportunity" })
	b.load(`{"Opportunity":[
		{"Id":"006000000000001AAA","Name":"Open","StageName":"Prospecting","CloseDate":"2026-12-01","IsClosed":false,"OwnerId":"005000000000002AAA","LastModifiedDate":"2026-01-01T00:00:00.000+0000"},
		{"Id":"006000000000002AAA","Name":"Won","StageName":"Closed Won","CloseDate":"2026-12-01","IsClosed":true,"OwnerId":"005000000000002AAA","LastModifiedDate":"2026-02-01T00:00:00.000+0000"}],
		"OpportunityContactRole":[
		{"Id":"00K000000000001AAA","OpportunityId":"006000000000001AAA","ContactId":"003000000000001AAA"},
		{"Id":"00K000000000002AAA","OpportunityId":"006000000000002AAA","ContactId":"003000000000001AAA"}]}`)
	b.missed(1, curieNumber)
	b.turn()
	b.task(1, "WhoId", curie, "WhatId", "006000000000001")
}

func TestCaseIsCreatedOncePerContact(t *testing.T) {
	b := newBench(t, withCases)
	b.missed(1, curieNumber)
	b.missed(2, curieNumber)
	b.turn()
	b.missed(3, curieNumber)
	b.turn()
	cases := b.sim.Records("Case")
	if len(cases) != 1 || !strings.HasPrefix(cases[0]["ContactId"].(string), curie) {
		t.Fatalf("Cases: %v", cases)
	}
	for id := range int64(3) {
		b.task(id+1, "WhatId", cases[0]["Id"])
	}
}

// Making a Case locks the Contact's account in Salesforce as a Task does.
func TestCaseIsCreatedAloneWithItsAccount(t *testing.T) {
	b := newBench(t, withCases)
	account := b.record("Account", curieCo)["Id"].(string)
	created := false
	b.before = func(r *http.Request) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/sobjects/Case") {
			created = true
			b.sink.locks.mu.Lock()
			defer b.sink.locks.mu.Unlock()
			if !b.sink.locks.anyHeld([]string{account}) {
				t.Error("the account is free for others while the Case is created")
			}
		}
	}
	b.missed(1, curieNumber)
	b.turn()
	if !created {
		t.Error("no Case was created")
	}
}

func TestCaseOfAnotherLaneIsFoundBeforeOneIsCreated(t *testing.T) {
	b := newBench(t, withCases)
	looks := 0
	b.before = func(r *http.Request) {
		if strings.Contains(r.URL.Query().Get("q"), "FROM Case") {
			if looks++; looks == 2 {
				b.load(`{"Case":[{"Id":"500000000000001AAA","Status":"New","IsClosed":false,"ContactId":"003000000000001AAA","OwnerId":"005000000000002AAA","LastModifiedDate":"2026-01-01T00:00:00.000+0000"}]}`)
			}
		}
	}
	b.missed(1, curieNumber)
	b.turn()
	b.task(1, "WhatId", "500000000000001")
	if n := len(b.sim.Records("Case")); n != 1 {
		t.Errorf("%d Cases, want 1", n)
	}
}

func TestCaseWhoseAnswerWasLostIsNotCreatedTwice(t *testing.T) {
	b := newBench(t, withCases)
	b.sim.Fail(sfsim.Fault{Method: "POST", Path: "/sobjects/Case", AfterCommit: true, Cut: true})
	b.missed(1, curieNumber)
	if b.try() == nil {
		t.Error("a lost answer was taken for one")
	}
	b.turn()
	if n := len(b.sim.Records("Case")); n != 1 {
		t.Errorf("%d Cases, want 1", n)
	}
	b.task(1, "WhoId", curie, "WhatId", b.sim.Records("Case")[0]["Id"])
}

func TestRecordIsCreatedForAnUnknownNumber(t *testing.T) {
	for create, object := range map[string]string{"lead": "Lead", "contact": "Contact", "account": "Account"} {
		t.Run(create, func(t *testing.T) {
			b := newBench(t, func(o *Options) { o.Settings.Match.Create = create })
			before := len(b.sim.Records(object))
			b.event(1, "call.answered", 10, `"direction":"inbound","status":"answered","started_at":1780000000,"answered_at":1780000010,"raw_digits":"+33198765432","contact":{"id":1,"first_name":"Rosa","last_name":"Luxe"},`+user("ada"))
			b.missed(2, unknownNumber)
			b.turn()
			records := b.sim.Records(object)
			if len(records) != before+1 {
				t.Fatalf("%d records were created for one number, want 1", len(records)-before)
			}
			r := records[before]
			if r["Phone"] != "+33198765432" || r["Aircall_Number_Key__c"] != "+33198765432" || r["Name"] != "Rosa Luxe" {
				t.Errorf("created: %v", r)
			}
			field := "WhoId"
			if create == "account" {
				field = "WhatId"
			}
			b.task(1, field, r["Id"], "OwnerId", ada, "Subject", "Inbound call from Rosa Luxe on Paris")
			b.task(2, field, r["Id"])
			// The record stays with the integration user (O6: not by the call
			// that created it), until another call is taken.
			if first := b.outcome(1, schemas.Created); !first.Match.Created {
				t.Error("the call does not know that the record was created for it")
			}
			if owner := b.record(object, r["Id"].(string))["OwnerId"].(string); !strings.HasPrefix(owner, integration) {
				t.Errorf("owner after the creating call: %s", owner)
			}
			b.answered(3, unknownNumber, "bob")
			b.turn()
			b.task(3, field, r["Id"], "OwnerId", bob)
			if owner := b.record(object, r["Id"].(string))["OwnerId"].(string); !strings.HasPrefix(owner, bob) {
				t.Errorf("owner after another call: %s", owner)
			}
		})
	}
}

func TestDuplicateKeyLeadsToTheRecordThatExists(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Settings.Match.Create = "lead" })
	// Another sink was faster, and somebody changed the phone since.
	b.load(`{"Lead":[{"Id":"00Q000000000001AAA","Name":"First Lead","Company":"X","Phone":null,"Aircall_Number_Key__c":"+33198765432","OwnerId":"005000000000003AAA","IsConverted":false,"LastModifiedDate":"2026-01-01T00:00:00.000+0000"}]}`)
	b.missed(1, unknownNumber)
	b.turn()
	b.task(1, "WhoId", "00Q000000000001", "OwnerId", bob, "Subject", "Missed call from First Lead on Paris")
	if n := len(b.sim.Records("Lead")); n != 1 {
		t.Errorf("%d Leads", n)
	}
	// It is converted: the way goes on to the Contact.
	b.load(`{"Contact":[{"Id":"003000000000007AAA","Name":"Now Contact","OwnerId":"005000000000002AAA","AccountId":null,"LastModifiedDate":"2026-01-01T00:00:00.000+0000"}],
		"Lead":[{"Id":"00Q000000000001AAA","IsConverted":true,"ConvertedContactId":"003000000000007AAA"}]}`)
	b.later(time.Hour)
	b.missed(2, unknownNumber)
	b.turn()
	b.task(2, "WhoId", "003000000000007", "OwnerId", ada, "Subject", "Missed call from Now Contact on Paris")
}

// A logged call stays on its record, though a better one turns up (M9).
func TestLoggedCallStaysOnItsRecord(t *testing.T) {
	b := newBench(t, nil)
	b.answered(1, curieNumber, "ada")
	b.turn()
	b.load(`{"Contact":[{"Id":"003000000000002AAA","Name":"New Curie","Phone":"0123456789","OwnerId":"005000000000003AAA","AccountId":null,"LastModifiedDate":"2026-05-01T00:00:00.000+0000"}]}`)
	b.later(time.Hour) // the cache knows nothing any more
	b.event(1, "callfold.rewrite", 60, `"who":"ops","why":"test"`)
	b.hungup(1)
	b.missed(2, curieNumber)
	b.turn()
	b.task(1, "WhoId", curie, "Subject", "Inbound call from Marie Curie on Paris", "OwnerId", ada)
	b.task(2, "WhoId", "003000000000002")
}

// The way of a number ends where the Contact is gone that its Lead was converted
// to: the call is logged without a record, now and later.
func TestDuplicateKeyThatLeadsNowhere(t *testing.T) {
	b := newBench(t, createLeads)
	b.load(`{"Contact":[{"Id":"003000000000007AAA","Name":"Now Contact","OwnerId":"005000000000002AAA","AccountId":null,"LastModifiedDate":"2026-01-01T00:00:00.000+0000"}],
		"Lead":[{"Id":"00Q000000000001AAA","Name":"L","Company":"X","Aircall_Number_Key__c":"+33198765432","IsConverted":true,"ConvertedContactId":"003000000000007AAA","OwnerId":"005000000000003AAA"}]}`)
	b.remove("Contact", "003000000000007")
	b.answered(1, unknownNumber, "ada")
	b.turn()
	b.task(1, "WhoId", nil, "OwnerId", integration)
	if o := b.outcome(1, schemas.Created); !strings.Contains(strings.Join(o.Reasons["WhoId"].Considered, "\n"), "Contact that is gone (M7)") {
		t.Errorf("the reasons do not say so: %+v", o.Reasons["WhoId"])
	}
	if n := len(b.sim.Records("Lead")); n != 1 {
		t.Errorf("%d Leads", n)
	}
}

// A Lead that was converted to a Person Account leads to the account (M3, M7).
func TestDuplicateKeyLeadsToAPersonAccount(t *testing.T) {
	b := newBench(t, createLeads)
	b.load(`{"Account":[{"Id":"001000000000009AAA","Name":"Paul Person","FirstName":"Paul","LastName":"Person","IsPersonAccount":true,"PersonContactId":"003000000000007AAA","OwnerId":"005000000000003AAA","LastModifiedDate":"2026-01-01T00:00:00.000+0000"}],
		"Contact":[{"Id":"003000000000007AAA","Name":"Paul Person","IsPersonAccount":true,"OwnerId":"005000000000003AAA","AccountId":"001000000000009AAA","LastModifiedDate":"2026-01-01T00:00:00.000+0000"}],
		"Lead":[{"Id":"00Q000000000001AAA","Name":"L","Company":"X","Aircall_Number_Key__c":"+33198765432","IsConverted":true,"ConvertedContactId":"003000000000007AAA","OwnerId":"005000000000003AAA"}]}`)
	b.missed(1, unknownNumber)
	b.turn()
	b.task(1, "WhoId", nil, "WhatId", "001000000000009", "OwnerId", bob)
}

// TestTwoSinksMakeOneLead: two processes find at the same moment that nobody has the
// number (M7).
func TestTwoSinksMakeOneLead(t *testing.T) {
	b := newBench(t, createLeads)
	other := &bench{TB: t, sim: b.sim, clock: b.clock, states: map[string]schemas.CallRecord{}, table: newTable(), owned: b.owned}
	other.sink = other.newSink(createLeads)
	var both sync.WaitGroup
	both.Add(2)
	together := func(r *http.Request) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/sobjects/Lead") {
			both.Done()
			both.Wait() // neither is created before both are to be
		}
	}
	b.before, other.before = together, together
	b.missed(1, unknownNumber)
	other.missed(2, unknownNumber)
	errs := make(chan error, 2)
	for _, x := range []*bench{b, other} {
		go func() { errs <- x.try() }()
	}
	for range 2 {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	leads := b.sim.Records("Lead")
	if len(leads) != 1 {
		t.Fatalf("%d Leads, want 1", len(leads))
	}
	b.task(1, "WhoId", leads[0]["Id"])
	b.task(2, "WhoId", leads[0]["Id"])
	if one, two := b.outcome(1, schemas.Created).Match, other.outcome(2, schemas.Created).Match; one.Created == two.Created {
		t.Errorf("created by one of the two: %v, %v", one.Created, two.Created)
	}
}

// A record that was created for a call keeps its Case through what goes wrong with
// the Task then.
func TestCreatedContactKeepsItsCase(t *testing.T) {
	for _, code := range []string{"INACTIVE_OWNER_OR_USER", "UNABLE_TO_LOCK_ROW"} {
		t.Run(code, func(t *testing.T) {
			b := newBench(t, func(o *Options) {
				o.Settings.Match.Create = "contact"
				o.Settings.Match.Related = "case"
				o.Settings.Match.CreateCase = true
			})
			b.answered(1, unknownNumber, "bob")
			b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"1"}, Code: code})
			b.turn()
			b.later(time.Minute)
			b.turn()
			cases := b.sim.Records("Case")
			if len(cases) != 1 || len(b.sim.Records("Contact")) != 2 {
				t.Fatalf("%d Cases, %d Contacts; want 1 and Curie with one more", len(cases), len(b.sim.Records("Contact")))
			}
			b.task(1, "WhoId", b.sim.Records("Contact")[1]["Id"], "WhatId", cases[0]["Id"])
		})
	}
}

func TestCreationWithoutAnAnswerMakesOneRecord(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Settings.Match.Create = "contact" })
	b.sim.Fail(sfsim.Fault{Method: "POST", Path: "/sobjects/Contact", AfterCommit: true, Cut: true})
	b.missed(1, unknownNumber)
	b.turn()
	if n := len(b.sim.Records("Contact")); n != 2 {
		t.Errorf("%d Contacts, want Curie and one more", n)
	}
	b.task(1, "WhoId", b.sim.Records("Contact")[1]["Id"])
}

func TestRecordOfTheIntegrationUserGoesToTheAgent(t *testing.T) {
	b := newBench(t, nil)
	b.set("Contact", curie, `"OwnerId":"005000000000001AAA"`)
	b.missed(1, curieNumber)
	b.turn()
	b.task(1, "OwnerId", integration)
	b.answered(2, curieNumber, "ada")
	b.turn()
	b.task(2, "OwnerId", ada)
	if o := b.outcome(2, schemas.Created); o.Match.OwnerID[:15] != ada {
		t.Errorf("remembered owner: %s", o.Match.OwnerID)
	}
	// Once: somebody gives it back, and the same call changes nothing any more.
	b.set("Contact", curie, `"OwnerId":"005000000000001AAA"`)
	b.hungup(2)
	b.turn()
	if owner := b.record("Contact", curie)["OwnerId"].(string); !strings.HasPrefix(owner, integration) {
		t.Errorf("taken over twice: %s", owner)
	}
}

// A trigger on Contact that fails as a whole holds up no other call.
func TestTakeOverThatFailsHoldsUpNobody(t *testing.T) {
	b := newBench(t, nil)
	b.set("Contact", curie, `"OwnerId":"005000000000001AAA"`)
	b.answered(1, curieNumber, "ada")
	b.missed(2, unknownNumber)
	b.sim.Fail(sfsim.Fault{Operation: "collections_update", Status: http.StatusInternalServerError, Code: "UNKNOWN_EXCEPTION", Times: requestTries})
	b.turn()
	b.task(1, "OwnerId", ada)
	b.outcome(2, schemas.Created)
	if o := b.outcome(1, schemas.Retrying); o.TaskID == "" || o.Error.Code != "UNKNOWN_EXCEPTION" {
		t.Errorf("outcome: %+v", o)
	}
	b.later(time.Minute)
	b.turn()
	b.outcome(1, schemas.Updated) // what is tried again is written in full
	if owner := b.record("Contact", curie)["OwnerId"].(string); !strings.HasPrefix(owner, ada) {
		t.Errorf("owner: %s", owner)
	}
}

func TestTakeOverIsGuarded(t *testing.T) {
	b := newBench(t, nil)
	b.set("Contact", curie, `"OwnerId":"005000000000001AAA"`)
	b.missed(1, curieNumber)
	b.turn() // the cache knows the integration user as the owner
	b.set("Contact", curie, `"OwnerId":"005000000000003AAA"`)
	b.answered(2, curieNumber, "ada")
	b.turn()
	if owner := b.record("Contact", curie)["OwnerId"].(string); !strings.HasPrefix(owner, bob) {
		t.Errorf("owner: %s", owner)
	}
}

// TestCreationThatStops: what stops the creation of one record is not met with each.
func TestCreationThatStops(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Settings.Match.Create = "lead" })
	for i := int64(1); i <= 100; i++ {
		b.missed(i, fmt.Sprintf("+3319876%04d", i))
	}
	b.sim.Fail(sfsim.Fault{Operation: "create", Status: 400, Code: "INVALID_FIELD", Times: -1})
	if reason := b.stoppedBy(); reason != string(classConfig) {
		t.Fatalf("stopped by %q", reason)
	}
	if n := b.sent("POST /services/data/v64.0/sobjects/Lead"); n > 2*b.sink.slots.most {
		t.Errorf("%d creations were tried", n)
	}
}

// withCases makes a Case for a Contact that has none open.
func withCases(o *Options) { o.Settings.Match.Related, o.Settings.Match.CreateCase = "case", true }

// TestCaseAfterATakeover: the process that asked for a Case had no answer, and died. Its
// successor waits as long as it would have.
func TestCaseAfterATakeover(t *testing.T) {
	b := newBench(t, withCases)
	late := make(chan struct{})
	b.sim.Fail(sfsim.Fault{Operation: "create", Path: "Case", Cut: true, CommitAt: late, Times: 1})
	b.answered(1, curieNumber, "ada")
	b.stoppedBy()
	b.sink = b.newSink(withCases)
	b.repeats, b.since = len(b.pending), b.clock
	b.turn()
	b.later(10 * time.Second)
	b.answered(2, curieNumber, "ada") // the same customer rings again
	b.turn()
	close(late)
	b.sim.Settle()
	b.later(confirmAfter)
	b.turn()
	b.later(confirmAfter)
	b.turn()
	cases := b.sim.Records("Case")
	if len(cases) != 1 {
		t.Fatalf("%d Cases, want 1", len(cases))
	}
	b.task(1, "WhatId", cases[0]["Id"])
	b.task(2, "WhatId", cases[0]["Id"])
}

// TestCaseOfATurnThatFailed: a turn makes a Case and then cannot write the Task. The next
// one finds it, and does not wait.
func TestCaseOfATurnThatFailed(t *testing.T) {
	b := newBench(t, withCases)
	b.sim.Fail(sfsim.Fault{Operation: "collections_upsert", Status: http.StatusServiceUnavailable, Code: "SERVER_UNAVAILABLE", Times: requestTries})
	b.answered(1, curieNumber, "ada")
	b.stoppedBy()
	b.repeats, b.since = len(b.pending), b.clock
	b.later(15 * time.Second)
	b.turn()
	cases := b.sim.Records("Case")
	if len(cases) != 1 {
		t.Fatalf("%d Cases, want 1", len(cases))
	}
	b.task(1, "WhatId", cases[0]["Id"])
}

// TestCaseAnotherLaneAskedFor: while a lane waits for the Contact's lock, the one that has
// it gets no answer about a Case.
func TestCaseAnotherLaneAskedFor(t *testing.T) {
	b := newBench(t, withCases)
	contact, _ := b.sim.Records("Contact")[0]["Id"].(string)
	b.sink.locks.held[contact], b.sink.locks.freed = true, make(chan struct{})
	b.answered(1, curieNumber, "ada")
	ended := make(chan error)
	go func() { ended <- b.try() }()
	b.sink.locks.freed <- struct{}{} // it waits
	b.sink.cases.add(contact, b.clock)
	b.sink.locks.release([]string{contact})
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if o := b.outcome(1, schemas.Retrying); o.Error.Code != "CASE_UNCONFIRMED" {
		t.Errorf("outcome %+v", o.Error)
	}
	if cases := b.sim.Records("Case"); len(cases) != 0 {
		t.Errorf("%d Cases, want none", len(cases))
	}
}

// TestCaseThatIsCreatedLate: nothing about a Case would refuse a second one, so after a
// request without an answer its time is waited for.
func TestCaseThatIsCreatedLate(t *testing.T) {
	b := newBench(t, withCases)
	late := make(chan struct{})
	b.sim.Fail(sfsim.Fault{Operation: "create", Path: "Case", Cut: true, CommitAt: late, Times: 1})
	b.answered(1, curieNumber, "ada")
	if reason := b.stoppedBy(); reason != string(classOutage) {
		t.Fatalf("stopped by %q", reason)
	}
	b.later(15 * time.Second)
	b.turn()
	if o := b.outcome(1, schemas.Retrying); o.Error.Code != "CASE_UNCONFIRMED" || o.Attempts != 1 {
		t.Errorf("outcome %+v", o.Error)
	}
	close(late)
	b.sim.Settle()
	b.later(confirmAfter)
	b.turn()
	cases := b.sim.Records("Case")
	if len(cases) != 1 {
		t.Fatalf("%d Cases, want 1", len(cases))
	}
	b.task(1, "WhatId", cases[0]["Id"])
}
