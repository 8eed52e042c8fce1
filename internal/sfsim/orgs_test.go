package sfsim

import (
	"net/http"
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

// TestUsersWithTheirOwnRights: of two users one may change only what is hers; each
// creates, changes and owns in her own name.
func TestUsersWithTheirOwnRights(t *testing.T) {
	g := newOrg(t, Options{})
	as := func(user string) *org {
		other := *g
		other.token = g.sim.sessions.open(user, g.now.Add(g.sim.options.SessionLife), 0)
		return &other
	}
	const bot, ada = "005000000000001AAA", "005000000000002AAA"
	check(t, g.sim.OwnOnly(ada, "Task", true))
	byBot := as(bot).must(http.StatusCreated, "POST", "sobjects/Task", `{"Subject":"x"}`).body.Get("id").String()
	byAda := as(ada).must(http.StatusCreated, "POST", "sobjects/Task", `{"Subject":"x"}`).body.Get("id").String()
	wantError(t, as(ada).do("PATCH", "sobjects/Task/"+byBot, `{"Subject":"y"}`), http.StatusBadRequest, "INSUFFICIENT_ACCESS_OR_READONLY")
	as(ada).must(http.StatusNoContent, "PATCH", "sobjects/Task/"+byAda, `{"Subject":"y"}`)
	as(bot).must(http.StatusNoContent, "PATCH", "sobjects/Task/"+byAda, `{"Subject":"z"}`)
	r := g.must(http.StatusOK, "GET", "sobjects/Task/"+byAda+"?fields=OwnerId,CreatedById,LastModifiedById", "").body
	if r.Get("OwnerId").String() != ada || r.Get("CreatedById").String() != ada || r.Get("LastModifiedById").String() != bot {
		t.Error(r.Raw)
	}
}
