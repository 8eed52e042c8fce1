package sfsim

import (
	"net/http"
	"testing"
	"time"
)

func TestSetUsage(t *testing.T) {
	g := newOrg(t, Options{SessionLife: 48 * time.Hour})
	g.sim.SetDailyLimit(15_000)
	g.sim.SetUsage(14_999)
	r := g.must(http.StatusOK, "GET", "limits", "")
	if r.header.Get("Sforce-Limit-Info") != "api-usage=15000/15000" || r.body.Get("DailyApiRequests.Max").Int() != 15_000 || r.body.Get("DailyApiRequests.Remaining").Int() != 0 {
		t.Error(r.header.Get("Sforce-Limit-Info"), r.body.Raw)
	}
	r = g.do("GET", "limits", "")
	wantError(t, r, http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED")
	if r.header.Get("Retry-After") != "" || r.body.Get("0.message").String() != "TotalRequests Limit exceeded." {
		t.Error(r.header, r.body.Raw)
	}
	g.sim.SetDailyLimit(15_001)
	g.must(http.StatusOK, "GET", "limits", "")
	g.sim.SetUsage(0)
	g.must(http.StatusOK, "GET", "limits", "")
	g.sim.SetUsage(15_001)
	g.now = g.now.Add(24*time.Hour - time.Minute)
	wantError(t, g.do("GET", "limits", ""), http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED")
	g.now = g.now.Add(time.Minute) // what was set leaves the window
	g.must(http.StatusOK, "GET", "limits", "")
}
