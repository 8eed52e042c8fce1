package sfsim

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestTwoOrgsAtOnce: two orgs in one process share nothing: neither sessions and
// counters nor records, keys, faults and rights.
func TestTwoOrgsAtOnce(t *testing.T) {
	production, sandbox := newOrg(t, Options{}), newOrg(t, Options{})
	const path = "sobjects/Task/Aircall_Call_Id__c/1"
	production.must(http.StatusCreated, "PATCH", path, `{"Subject":"of production"}`)
	sandbox.must(http.StatusCreated, "PATCH", path, `{"Subject":"of the sandbox"}`)
	for g, want := range map[*org]string{production: "of production", sandbox: "of the sandbox"} {
		if tasks := g.sim.Records("Task"); len(tasks) != 1 || tasks[0]["Subject"] != want {
			t.Errorf("tasks: %v, want one %s", tasks, want)
		}
	}
	strayed := *production
	strayed.url = sandbox.url
	wantError(t, strayed.do("GET", "limits", ""), http.StatusUnauthorized, "INVALID_SESSION_ID")

	check(t, production.sim.Hide("Task", "Type"), production.sim.NotUnique("Task", "Aircall_Call_Id__c"))
	production.sim.SetDailyLimit(1)
	production.sim.Fail(Fault{Status: http.StatusServiceUnavailable, Times: -1})
	production.sim.Expire()
	sandbox.must(http.StatusOK, "PATCH", path, `{"Type":"Call"}`)
	wantError(t, sandbox.do("POST", "sobjects/Task", `{"Aircall_Call_Id__c":"1"}`), http.StatusBadRequest, "DUPLICATE_VALUE")
	if r := production.do("GET", "limits", ""); r.status != http.StatusServiceUnavailable {
		t.Error(r.status)
	}
}

// Users of testdata/org.json: the integration user, and an agent.
const bot, ada = "005000000000001AAA", "005000000000002AAA"

// as is the org as another user calls it.
func (g *org) as(user string) *org {
	other := *g
	other.header = maps.Clone(g.header)
	other.token = g.sim.sessions.open(user, g.now.Add(g.sim.options.SessionLife), 0)
	return &other
}

// TestUsersWithTheirOwnRights: of two users one may change only what is hers; each
// creates, changes and owns in her own name.
func TestUsersWithTheirOwnRights(t *testing.T) {
	g := newOrg(t, Options{})
	check(t, g.sim.OwnOnly(ada, "Task", true))
	byBot := g.as(bot).must(http.StatusCreated, "POST", "sobjects/Task", `{"Subject":"x"}`).body.Get("id").String()
	byAda := g.as(ada).must(http.StatusCreated, "POST", "sobjects/Task", `{"Subject":"x"}`).body.Get("id").String()
	wantError(t, g.as(ada).do("PATCH", "sobjects/Task/"+byBot, `{"Subject":"y"}`), http.StatusBadRequest, "INSUFFICIENT_ACCESS_OR_READONLY")
	g.as(ada).must(http.StatusNoContent, "PATCH", "sobjects/Task/"+byAda, `{"Subject":"y"}`)
	g.as(bot).must(http.StatusNoContent, "PATCH", "sobjects/Task/"+byAda, `{"Subject":"z"}`)
	r := g.must(http.StatusOK, "GET", "sobjects/Task/"+byAda+"?fields=OwnerId,CreatedById,LastModifiedById", "").body
	if r.Get("OwnerId").String() != ada || r.Get("CreatedById").String() != ada || r.Get("LastModifiedById").String() != bot {
		t.Error(r.Raw)
	}
}

// TestFieldHiddenFromOneUser: whatever way she takes, a field that is hidden from
// one user does not exist for her, and does for the other.
func TestFieldHiddenFromOneUser(t *testing.T) {
	g := newOrg(t, Options{SearchLag: -1})
	id := g.must(http.StatusCreated, "PATCH", "sobjects/Task/Aircall_Call_Id__c/1", `{"Type":"Call","WhoId":"003000000000001AAA"}`).body.Get("id").String()
	check(t, g.sim.Hide("Task", "Type", ada), g.sim.Hide("Task", "WhoId", ada[:15]), g.sim.Hide("Task", "Aircall_Call_Id__c", ada),
		g.sim.Hide("Contact", "Phone", ada), g.sim.Hide("Account", "Phone", ada))
	query := func(q string) string { return "query?q=" + url.QueryEscape(q) }
	for _, c := range []struct {
		method, path, body string
		refused            string // with which code ada is; the bot never is
	}{
		{"GET", query("SELECT Type FROM Task"), "", "INVALID_FIELD"},
		{"GET", query("SELECT Id FROM Task WHERE Type = 'Call'"), "", "INVALID_FIELD"},
		{"GET", query("SELECT Id FROM Task WHERE Aircall_Call_Id__c IN ('1')"), "", "INVALID_FIELD"},
		{"GET", query("SELECT Id FROM Task ORDER BY Type"), "", "INVALID_FIELD"},
		{"GET", query("SELECT Who.Name FROM Task"), "", "INVALID_FIELD"},
		{"GET", query("SELECT Id FROM Contact WHERE Id IN (SELECT WhoId FROM Task)"), "", "INVALID_FIELD"},
		{"GET", query("SELECT Account.Phone FROM Contact"), "", "INVALID_FIELD"},
		{"GET", "search?q=" + url.QueryEscape("FIND {curie} RETURNING Contact(Phone)"), "", "INVALID_FIELD"},
		{"GET", "sobjects/Task/" + id + "?fields=Type", "", "INVALID_FIELD"},
		{"GET", "sobjects/Task/Aircall_Call_Id__c/1", "", "NOT_FOUND"},
		{"GET", "composite/sobjects/Task?ids=" + id + "&fields=Type", "", "INVALID_FIELD"},
		{"PATCH", "sobjects/Task/" + id, `{"Type":"Call"}`, "INVALID_FIELD"},
		{"PATCH", "sobjects/Task/Aircall_Call_Id__c/1", `{}`, "NOT_FOUND"},
		{"PATCH", "composite/sobjects", `{"records":[{"attributes":{"type":"Task"},"Id":"` + id + `","Type":"Call"}]}`, "INVALID_FIELD"},
		{"PATCH", "composite/sobjects/Task/Aircall_Call_Id__c", `{"records":[{"attributes":{"type":"Task"},"Aircall_Call_Id__c":"1"}]}`, "NOT_FOUND"},
		{"POST", "jobs/query", `{"operation":"query","query":"SELECT Type FROM Task"}`, "INVALID_FIELD"},
		{"POST", "jobs/ingest", upsertJob, "INVALIDJOB"},
	} {
		if r := g.as(bot).do(c.method, c.path, c.body); r.status >= 300 {
			t.Errorf("the bot's %s %s: %d %s", c.method, c.path, r.status, r.body.Raw)
		}
		if r := g.as(ada).do(c.method, c.path, c.body); r.body.Get("0.errorCode").String() != c.refused {
			t.Errorf("ada's %s %s: %d %s, want %s", c.method, c.path, r.status, r.body.Raw, c.refused)
		}
		part := g.as(ada).must(http.StatusOK, "POST", "composite",
			fmt.Sprintf(`{"compositeRequest":[{"method":%q,"url":"/services/data/v64.0/%s","referenceId":"r","body":%s}]}`, c.method, c.path, cmp.Or(c.body, "null"))).body
		if got := part.Get("compositeResponse.0.body.0.errorCode").String(); got != c.refused {
			t.Errorf("ada's %s %s in a composite: %s", c.method, c.path, part.Raw)
		}
	}

	check(t, g.sim.Show("Task", "WhoId", ada))
	for _, c := range []struct {
		user            string
		described       string // whether Type can be set
		value           string // of Type in a record
		found           string // by a search for a telephone number
		phone, imported string // of a task's Who, whether a bulk job with Type passes
	}{
		{bot, "true true", "Call", "Marie Curie", "01 23 45 67 89", "JobComplete"},
		{ada, "", "", "", "", "Failed"},
	} {
		u := g.as(c.user)
		if got := u.described("Task", "Type"); got != c.described {
			t.Errorf("%s: describe tells %q", c.user, got)
		}
		if got := u.must(http.StatusOK, "GET", "sobjects/Task/"+id, "").body.Get("Type").String(); got != c.value {
			t.Errorf("%s: the type is %q", c.user, got)
		}
		if got := names(u.search("FIND {0123456789} IN PHONE FIELDS RETURNING Contact(Name)")); got != c.found {
			t.Errorf("%s: found %q", c.user, got)
		}
		if _, info := u.load(`{"object":"Task","operation":"insert"}`, "Subject,Type\nx,Call\n"); info.Get("state").String() != c.imported {
			t.Errorf("%s: %s", c.user, info.Raw)
		}
		if got := u.query("SELECT Who.Phone FROM Task WHERE Id = '" + id + "'").body.Get("records.0.Who.Phone").String(); got != c.phone {
			t.Errorf("%s: the phone is %q", c.user, got)
		}
	}

	// An org file is nobody's request.
	check(t, g.sim.Hide("Task", "Type"), g.sim.Load([]byte(`{"Task":[{"Id":"`+id+`","Type":"Meeting"}]}`)))
	if got := g.sim.Records("Task")[0]["Type"]; got != "Meeting" {
		t.Errorf("the type is %q", got)
	}
}

// TestFieldReadOnlyForOneUser: she sees it, and the rows in which she sets it are refused.
func TestFieldReadOnlyForOneUser(t *testing.T) {
	g := newOrg(t, Options{})
	check(t, g.sim.ReadOnly("Task", "Type", ada))
	const path, job = "composite/sobjects/Task/Aircall_Call_Id__c", `{"object":"Task","operation":"insert"}`
	for _, c := range []struct {
		user, described string
		refused         string // with which code a row is
		failed          int64  // rows of a bulk job
	}{
		{ada, "false false", "INVALID_FIELD_FOR_INSERT_UPDATE", 1},
		{bot, "true true", "", 0},
		{ada, "false false", "INVALID_FIELD_FOR_INSERT_UPDATE", 1}, // in an update
	} {
		u := g.as(c.user)
		r := u.must(http.StatusOK, "PATCH", path, `{"records":[{"attributes":{"type":"Task"},"Aircall_Call_Id__c":"1","Type":"Call"},{"attributes":{"type":"Task"},"Aircall_Call_Id__c":"2"}]}`)
		if r.body.Get("0.errors.0.statusCode").String() != c.refused || !r.body.Get("1.success").Bool() {
			t.Errorf("%s: %s", c.user, r.body.Raw)
		}
		if got := u.described("Task", "Type"); got != c.described {
			t.Errorf("%s: describe tells %q", c.user, got)
		}
		u.must(http.StatusOK, "GET", "query?q=SELECT+Type+FROM+Task", "")
		if _, info := u.load(job, "Subject,Type\nx,Call\n"); info.Get("numberRecordsFailed").Int() != c.failed {
			t.Errorf("%s: %s", c.user, info.Raw)
		}
	}
}

// TestFieldAccessLastWord: of what was said for a user and for everybody, the last counts.
func TestFieldAccessLastWord(t *testing.T) {
	g := newOrg(t, Options{})
	for i, c := range []struct {
		say      func(object, name string, users ...string) error
		users    []string
		bot, ada string // what describe tells them
	}{
		{g.sim.Hide, nil, "", ""},
		{g.sim.Show, []string{ada}, "", "true true"},
		{g.sim.ReadOnly, []string{bot, ada}, "false false", "false false"},
		{g.sim.Hide, []string{ada}, "false false", ""},
		{g.sim.Show, nil, "true true", "true true"},
	} {
		check(t, c.say("Task", "Type", c.users...))
		if b, a := g.as(bot).described("Task", "Type"), g.as(ada).described("Task", "Type"); b != c.bot || a != c.ada {
			t.Errorf("step %d: describe tells the bot %q and ada %q", i, b, a)
		}
	}
	if g.sim.Hide("Task", "Type", ada, "005000000000099AAA") == nil || g.as(ada).described("Task", "Type") == "" {
		t.Error("hidden from a user who is not there")
	}
}

// TestResultsAreOfTheirUser: the pages of one user's query and query job are not
// another's, who may not be let see what is in them.
func TestResultsAreOfTheirUser(t *testing.T) {
	g := newOrg(t, Options{})
	_, info := g.load(`{"object":"Task","operation":"insert"}`, "Subject\n"+strings.Repeat("x\n", 201))
	if info.Get("numberRecordsFailed").Int() != 0 {
		t.Fatal(info.Raw)
	}
	check(t, g.sim.Hide("Task", "Subject", bot))
	owner, other := g.as(ada), g.as(bot)
	owner.header.Set("Sforce-Query-Options", "batchSize=200")
	next := owner.must(http.StatusOK, "GET", "query?q=SELECT+Subject+FROM+Task", "").body.Get("nextRecordsUrl").String()
	wantError(t, other.do("GET", next, ""), http.StatusBadRequest, "INVALID_QUERY_LOCATOR")
	if r := owner.must(http.StatusOK, "GET", next, "").body; r.Get("records.#").Int() != 1 || !r.Get("done").Bool() {
		t.Error(r.Raw)
	}
	job := "jobs/query/" + owner.must(http.StatusOK, "POST", "jobs/query", `{"operation":"query","query":"SELECT Subject FROM Task"}`).body.Get("id").String()
	if state := owner.ended(job).Get("state").String(); state != "JobComplete" {
		t.Error(state)
	}
	wantError(t, other.do("GET", job+"/results", ""), http.StatusNotFound, "NOT_FOUND")
	owner.must(http.StatusOK, "GET", job+"/results", "")
}
