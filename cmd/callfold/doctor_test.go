package main

import (
	"net/http/httptest"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/callfold/callfold/internal/sfsim"
)

// scriptOrg is the simulated org of a script.
type scriptOrg struct{ server *sfsim.Server }

type orgKey struct{}

func salesforceCommand(ts *testscript.TestScript, neg bool, args []string) {
	org := ts.Value(orgKey{}).(*scriptOrg)
	switch {
	case !neg && len(args) == 2 && args[0] == "start":
		sim, err := sfsim.New(sfsim.Options{})
		ts.Check(err)
		ts.Check(sim.Load([]byte(ts.ReadFile(args[1]))))
		server := httptest.NewServer(sim)
		ts.Defer(server.Close)
		org.server = sim
		ts.Setenv("CALLFOLD_SALESFORCE_LOGIN_URL", server.URL)
		ts.Setenv("CALLFOLD_SALESFORCE_AUTH_FLOW", "client_credentials")
		ts.Setenv("CALLFOLD_SALESFORCE_AUTH_CLIENT_ID", "dev")
		ts.Setenv("CALLFOLD_SALESFORCE_AUTH_CLIENT_SECRET", "dev")
	case !neg && len(args) == 2 && args[0] == "hide" && org.server != nil:
		object, field, _ := strings.Cut(args[1], ".")
		ts.Check(org.server.Hide(object, field))
	case !neg && len(args) == 2 && args[0] == "load" && org.server != nil:
		ts.Check(org.server.Load([]byte(ts.ReadFile(args[1]))))
	default:
		ts.Fatalf("usage: salesforce start FILE | salesforce hide OBJECT.FIELD | salesforce load FILE")
	}
}
