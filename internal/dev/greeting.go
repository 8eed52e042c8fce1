package dev

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"github.com/callfold/callfold/ingest"
)

var greeting = template.Must(template.New("").Parse(`
callfold dev works. Everything is kept in {{.Data}}; Ctrl-C stops it.

  page         http://{{.Listen}}/            stages and newest calls; also /readyz, /metrics
  webhook      http://{{.Listen}}{{.Path}}   token {{.Token}}
  Kafka        {{.Kafka}}                     topics {{.Prefix}}events, {{.Prefix}}calls, {{.Prefix}}tasks, {{.Prefix}}rejected
  Salesforce   http://{{.Salesforce}}             client credentials dev / dev, or JWT with {{.Key}}
{{- if .Traffic}}
  traffic      {{.Traffic}} generated calls a minute (--traffic 0 for none)
  Aircall      http://{{.Listen}}/v1/calls    the API of the generated calls, key dev / dev
{{- end}}

Three things to try, in another terminal:

1. Tell it that a call was missed:

   curl -s http://{{.Listen}}{{.Path}} -d '{"resource":"call","event":"call.hungup","timestamp":{{.Ended}},"token":"{{.Token}}",
     "data":{"id":4711,"direction":"inbound","status":"done","started_at":{{.Started}},"ended_at":{{.Ended}},
     "missed_call_reason":"no_available_agent","raw_digits":"+33 1 99 00 12 34",
     "number":{"id":1,"name":"Front desk","digits":"+44 20 7946 0123","country":"GB","time_zone":"Europe/London"}}}'

2. See its Task in Salesforce:

   TOKEN=$(curl -s http://{{.Salesforce}}/services/oauth2/token -d grant_type=client_credentials -d client_id=dev -d client_secret=dev | sed 's/.*"access_token": *"\([^"]*\)".*/\1/')
   curl -sG http://{{.Salesforce}}/services/data/v64.0/query -H "Authorization: Bearer $TOKEN" \
     --data-urlencode "q=SELECT Subject, Status, Description FROM Task WHERE Aircall_Call_Id__c = '4711'"

3. Ask what callfold knows about the call:

   {{.Command}} call show 4711
`))

// greet tells where everything is.
func greet(o Options, prefix string, now time.Time) {
	// Nobody is left to tell if this cannot be written.
	_ = greeting.Execute(o.Out, map[string]any{
		"Data": o.Data, "Listen": o.Listen, "Kafka": o.Kafka, "Salesforce": o.Salesforce,
		"Path": ingest.Path, "Token": Token, "Traffic": o.Traffic, "Prefix": prefix,
		"Key": jwtKeyFile(filepath.Join(o.Data, "salesforce")), "Command": o.command(),
		"Started": now.Unix() - 17, "Ended": now.Unix(),
	})
}

// command is how the user would call another command of this program.
func (o *Options) command() string {
	command := os.Args[0]
	if strings.Contains(command, "go-build") {
		command = "go run ./cmd/callfold" // they came by go run
	}
	if o.Kafka != "127.0.0.1:9092" {
		command = fmt.Sprintf("CALLFOLD_KAFKA_BROKERS=%s %s", o.Kafka, command)
	}
	return command
}
