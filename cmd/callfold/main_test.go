package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// patience bounds everything that is waited for. Nothing takes that long when all is well.
const patience = 3 * time.Minute

// TestMain lets the scripts run this test binary as callfold.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"callfold": func() { os.Exit(run()) },
	})
}

// TestScripts runs the command line as a user would, script by script. Beside
// testscript's own commands there are:
//
//	exits CODE COMMAND ARGS…  runs the command and wants that exit code
//	kafka start [BROKERS]     starts a broker and points CALLFOLD_KAFKA_BROKERS at it
//	kafka set TOPIC KEY=VALUE changes a topic's configuration there
//	kafka fold PATTERN        puts the files' bodies into events, and the states of their calls into calls
//	kafka outcome FILE        puts an outcome into tasks
//	kafka reject FILE         puts a record into rejected
//	kafka events              prints the records in events: key, headers and body
//	salesforce start FILE     starts a simulated org with the file's records and points CALLFOLD_SALESFORCE_… at it
//	salesforce load FILE      puts the file's records into that org, too
//	salesforce hide OBJECT.FIELD  takes a field away, as field-level security does
//	kafka commands            prints the operators' commands in events, as they are folded
//	kafka process             folds all of events into calls, as the processor does
//	kafka read GROUP TOPIC    is a member of the group until the script ends
//	aircall start             starts Aircall's API with five calls of March 2026 and points CALLFOLD_AIRCALL_… at it
//
// $BODIES is the directory testdata/bodies: two calls, an outbound answered one
// and a missed one with a voicemail, pretty-printed bodies in the order of time.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE") != "",
		Setup: func(env *testscript.Env) error {
			bodies, err := filepath.Abs("testdata/bodies")
			env.Setenv("BODIES", bodies)
			env.Values[orgKey{}] = &scriptOrg{}
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":      exits,
			"kafka":      kafkaCommand,
			"salesforce": salesforceCommand,
			"aircall":    aircallCommand,
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGS…")
	}
	code := 0
	err := ts.Exec(args[1], args[2:]...)
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		code = failed.ExitCode()
	} else if err != nil {
		ts.Fatalf("running %s: %v", args[1], err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("the exit code is %d, want %s", code, args[0])
	}
}

func kafkaCommand(ts *testscript.TestScript, neg bool, args []string) {
	switch {
	case !neg && len(args) >= 1 && len(args) <= 2 && args[0] == "start":
		brokers := 1
		if len(args) == 2 {
			n, err := strconv.Atoi(args[1])
			ts.Check(err)
			brokers = n
		}
		cluster, err := kfake.NewCluster(kfake.NumBrokers(brokers))
		ts.Check(err)
		ts.Defer(cluster.Close)
		ts.Setenv("CALLFOLD_KAFKA_BROKERS", strings.Join(cluster.ListenAddrs(), ","))
	case !neg && len(args) == 3 && args[0] == "set":
		client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(ts.Getenv("CALLFOLD_KAFKA_BROKERS"), ",")...))
		ts.Check(err)
		defer client.Close()
		name, value, _ := strings.Cut(args[2], "=")
		change := kadm.AlterConfig{Op: kadm.SetConfig, Name: name, Value: &value}
		answer, err := kadm.NewClient(client).AlterTopicConfigs(context.Background(), []kadm.AlterConfig{change}, args[1])
		ts.Check(err)
		ts.Check(answer[0].Err)
	case !neg && len(args) == 2 && args[0] == "fold":
		foldIntoKafka(ts, args[1])
	case !neg && len(args) == 2 && args[0] == "outcome":
		putOutcome(ts, args[1])
	case !neg && len(args) == 2 && args[0] == "reject":
		putReject(ts, args[1])
	case !neg && len(args) == 1 && args[0] == "events":
		printEvents(ts)
	case !neg && len(args) == 1 && args[0] == "commands":
		printCommands(ts)
	case !neg && len(args) == 1 && args[0] == "process":
		processEvents(ts)
	case !neg && len(args) == 3 && args[0] == "read":
		readTopic(ts, args[1], args[2])
	default:
		ts.Fatalf("usage: kafka start [BROKERS] | kafka set TOPIC KEY=VALUE | kafka fold PATTERN | kafka outcome FILE | kafka reject FILE | kafka events | kafka commands | kafka process | kafka read GROUP TOPIC")
	}
}

// readTopic joins a group, which reads the topic from then on.
func readTopic(ts *testscript.TestScript, group, topic string) {
	joined := make(chan struct{})
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(ts.Getenv("CALLFOLD_KAFKA_BROKERS"), ",")...),
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { close(joined) }))
	ts.Check(err)
	ts.Defer(client.Close)
	<-joined
}

// ours calls f with every command of ours that does something.
func ours(f func(*cobra.Command)) {
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.HasParent() && !c.HasSubCommands() {
			f(c)
		}
		for _, child := range c.Commands() {
			walk(child)
		}
	}
	walk(newRootCommand(func() {}))
}

// TestEveryCommandIsExplained wants a short text, a long one and examples that
// start with the command's own name in every command's help.
func TestEveryCommandIsExplained(t *testing.T) {
	ours(func(c *cobra.Command) {
		if c.Short == "" || c.Long == "" {
			t.Errorf("%s has no short or no long text", c.CommandPath())
		}
		if !strings.Contains(c.Example, c.CommandPath()) {
			t.Errorf("%s has no example of itself", c.CommandPath())
		}
	})
}

// TestEveryCommandIsDocumented wants a section of docs/commands.md for every
// command, with each of its flags.
func TestEveryCommandIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, section := range bytes.Split(text, []byte("\n## "))[1:] {
		title, body, _ := strings.Cut(string(section), "\n")
		sections[strings.Trim(title, "`")] = body
	}
	ours(func(c *cobra.Command) {
		body, ok := sections[c.CommandPath()]
		if !ok {
			t.Errorf("docs/commands.md has no section %q", "## `"+c.CommandPath()+"`")
			return
		}
		for _, flag := range flagNames(c) {
			if !strings.Contains(body, "`--"+flag) {
				t.Errorf("the section of %s says nothing of --%s", c.CommandPath(), flag)
			}
		}
	})
}

// flagNames are the names of the command's own flags.
func flagNames(c *cobra.Command) []string {
	var names []string
	c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			names = append(names, f.Name)
		}
	})
	return names
}
