package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/internal/traffic"
	"github.com/callfold/callfold/test/ports"
)

// guide has the ACLs.
const guide = "../../docs/operations/security.md"

// TestRights starts every stage as a user who has the rights in Kafka that the guide
// gives and no others, and finds Tasks in Salesforce.
func TestRights(t *testing.T) {
	r := newRightsWorld(t)
	org, err := sfsim.New(sfsim.Options{})
	r.check(err)
	defer org.Close()
	r.check(org.LoadIfEmpty(traffic.SampleOrg()))
	salesforce := httptest.NewServer(org)
	defer salesforce.Close()

	r.does("callfold-topics", "topics", "create")
	r.does("callfold-topics", "topics", "check")

	front, err := ports.Free()
	r.check(err)
	ctx, stop := context.WithCancel(t.Context())
	var stages sync.WaitGroup
	defer stages.Wait()
	defer stop()
	for user, more := range map[string]string{
		"callfold-ingest":  "ingest: {listen: '" + front + "', tokens: [secret-token]}\n",
		"callfold-process": "",
		"callfold-sink":    "salesforce: {login_url: '" + salesforce.URL + "', auth: {flow: client_credentials, client_id: dev, client_secret_file: '" + r.file("secret", "dev") + "'}}\n",
	} {
		config := r.config(user, more)
		stages.Go(func() {
			var log bytes.Buffer
			if code := execute(ctx, []string{strings.TrimPrefix(user, "callfold-"), "--config", config}, nil, &log, &log); code != 0 {
				t.Errorf("%s: exit code %d\n%s", user, code, log.String())
			}
			if text := log.String(); strings.Contains(strings.ToUpper(text), "AUTHORIZATION") || strings.Contains(text, "could not be checked") {
				t.Errorf("%s lacks a right:\n%s", user, text)
			}
		})
	}
	generator := traffic.New(traffic.Options{Seed: 3, Token: "secret-token"})
	for _, d := range generator.Deliver(generator.Call()) {
		r.eventually("a webhook is taken", func() error {
			answer, err := http.Post("http://"+front+"/webhooks/aircall", "application/json", bytes.NewReader(d.Body))
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				return fmt.Errorf("%s", answer.Status)
			}
			return nil
		})
	}
	r.eventually("the call has a Task", func() error {
		if n := len(org.Records("Task")); n != 1 {
			return fmt.Errorf("there are %d", n)
		}
		return nil
	})
	call := fmt.Sprint(org.Records("Task")[0]["Aircall_Call_Id__c"])
	r.eventually("its outcome can be seen", func() error {
		if out, code := r.run("callfold-viewer", "call", "show", call); code != 0 || !strings.Contains(out, "outcome") {
			return fmt.Errorf("exit code %d\n%s", code, out)
		}
		return nil
	})
	r.does("callfold-viewer", "outcomes", "list")
	r.does("callfold-viewer", "rejected", "list")
	r.does("callfold-viewer", "verify")
	r.does("callfold-operator", "erase", call, "--reason", "test", "--yes")

	// What nobody gave.
	r.mustNot("callfold-ingest", "call", "show", call)
	r.mustNot("callfold-viewer", "erase", call, "--reason", "test", "--yes")
	r.mustNot("callfold-sink", "verify")
}

// rightsWorld is a cluster that asks who somebody is, and what he may do.
type rightsWorld struct {
	*testing.T
	dir     string
	cluster *kfake.Cluster
	files   int
}

const boss = "admin"

func newRightsWorld(t *testing.T) *rightsWorld {
	t.Helper()
	r := &rightsWorld{T: t, dir: t.TempDir()}
	options := []kfake.Opt{kfake.NumBrokers(1), kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("PLAIN", boss, boss)}
	acls, users := r.acls()
	for user := range users {
		options = append(options, kfake.User("PLAIN", user, user))
	}
	var err error
	r.cluster, err = kfake.NewCluster(options...)
	r.check(err)
	t.Cleanup(r.cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(r.cluster.ListenAddrs()...), kgo.SASL(plain.Auth{User: boss, Pass: boss}.AsMechanism()))
	r.check(err)
	defer client.Close()
	for _, acl := range acls {
		made, err := kadm.NewClient(client).CreateACLs(t.Context(), acl)
		r.check(err)
		for _, m := range made {
			r.check(m.Err)
		}
	}
	return r
}

// acls are those of the guide's lines, and the users whom they name.
func (r *rightsWorld) acls() (acls []*kadm.ACLBuilder, users map[string]bool) {
	r.Helper()
	content, err := os.ReadFile(guide)
	r.check(err)
	users = map[string]bool{}
	for line := range strings.Lines(string(content)) {
		args, ok := strings.CutPrefix(line, "$acl ")
		if !ok {
			continue
		}
		flags := pflag.NewFlagSet("kafka-acls", pflag.ContinueOnError)
		principal, pattern := flags.String("allow-principal", "", ""), flags.String("resource-pattern-type", "literal", "")
		names := flags.StringArray("operation", nil, "")
		topics, groups, ids := flags.StringArray("topic", nil, ""), flags.StringArray("group", nil, ""), flags.StringArray("transactional-id", nil, "")
		r.check(flags.Parse(strings.Fields(args)))
		var operations []kadm.ACLOperation
		for _, name := range *names {
			operation, err := kmsg.ParseACLOperation(name)
			r.check(err)
			operations = append(operations, operation)
		}
		kind, err := kmsg.ParseACLResourcePatternType(*pattern)
		r.check(err)
		acls = append(acls, kadm.NewACLs().Allow(*principal).AllowHosts("*").Operations(operations...).ResourcePatternType(kind).
			MaybeTopics(*topics...).MaybeGroups(*groups...).MaybeTransactionalIDs(*ids...))
		users[strings.TrimPrefix(*principal, "User:")] = true
	}
	if len(users) < 6 {
		r.Fatalf("%s gives rights to %v", guide, users)
	}
	return acls, users
}

func (r *rightsWorld) check(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// config is a settings file with which somebody signs in under a name.
func (r *rightsWorld) config(user, more string) string {
	r.Helper()
	r.files++
	return r.file(fmt.Sprintf("%s-%d.yaml", user, r.files), fmt.Sprintf(`kafka:
  brokers: [%s]
  partitions: 2
  replication_factor: 1
  instance: a
  sasl: {mechanism: plain, username: %s, password_file: %s}
processor: {state_dir: %[4]s/calls}
sink: {state_dir: %[4]s/tasks, max_linger: 0s}
admin: {listen: "127.0.0.1:0"}
%[5]s`, r.cluster.ListenAddrs()[0], user, r.file(user, user), r.dir, more))
}

func (r *rightsWorld) file(name, content string) string {
	r.Helper()
	path := filepath.Join(r.dir, name)
	r.check(os.WriteFile(path, []byte(content), 0o600))
	return path
}

func (r *rightsWorld) run(user string, args ...string) (string, int) {
	r.Helper()
	var out bytes.Buffer
	code := execute(r.Context(), append(args, "--config", r.config(user, "")), nil, &out, &out)
	return out.String(), code
}

func (r *rightsWorld) does(user string, args ...string) {
	r.Helper()
	if out, code := r.run(user, args...); code != 0 {
		r.Errorf("%s may not run %q: exit code %d\n%s", user, args, code, out)
	}
}

func (r *rightsWorld) mustNot(user string, args ...string) {
	r.Helper()
	if out, code := r.run(user, args...); code != 1 || !strings.Contains(strings.ToUpper(out), "AUTHORIZ") {
		r.Errorf("%s may run %q: exit code %d\n%s", user, args, code, out)
	}
}

func (r *rightsWorld) eventually(what string, condition func() error) {
	r.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) { // polling
		err := condition()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			r.Fatalf("waiting until %s: %v", what, err)
		}
	}
}
