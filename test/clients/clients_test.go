//go:build clients

// Package clients tries callfold dev with clients that nobody here wrote: kcat
// on the embedded broker, jsforce and simple-salesforce on the Salesforce
// simulator. It needs kcat, node with the packages of package.json, and in venv a
// Python with those of requirements.txt; make test-clients sees to these.
package clients

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/callfold/callfold/test/ports"
)

// The call in testdata/call.jsonl, and its caller's number as a French contact
// has it.
const (
	callID = "4100000001"
	phone  = "01 99 00 12 34"
)

// patience bounds everything that is waited for.
const patience = 2 * time.Minute

// TestStockClients makes a contact with jsforce, posts the webhooks of a call
// from its number, and finds the call again with kcat and its Task with jsforce.
func TestStockClients(t *testing.T) {
	dev := start(t)

	t.Run("jsforce works on the simulator", func(t *testing.T) {
		jsforce(t, "client", dev.salesforce)
	})
	t.Run("jsforce loads in bulk", func(t *testing.T) {
		jsforce(t, "bulk", dev.salesforce)
	})
	t.Run("simple-salesforce works on the simulator", func(t *testing.T) {
		if out, err := bounded("venv/bin/python", "salesforce.py", dev.salesforce); err != nil {
			t.Fatalf("salesforce.py: %v\n%s", err, out)
		}
	})
	jsforce(t, "contact", dev.salesforce, phone)
	post(t, dev.web, "testdata/call.jsonl")

	t.Run("kcat lists the topics", func(t *testing.T) {
		var found struct {
			Topics []struct {
				Topic      string `json:"topic"`
				Partitions []any  `json:"partitions"`
			} `json:"topics"`
		}
		if err := json.Unmarshal(kcat(t, "-b", dev.kafka, "-L", "-J"), &found); err != nil {
			t.Fatal(err)
		}
		partitions := map[string]int{}
		for _, topic := range found.Topics {
			partitions[topic.Topic] = len(topic.Partitions)
		}
		for _, topic := range []string{"aircall.events", "aircall.calls", "aircall.tasks", "aircall.rejected"} {
			if partitions[topic] == 0 || partitions[topic] != partitions["aircall.events"] {
				t.Errorf("%s has %d partitions, aircall.events has %d", topic, partitions[topic], partitions["aircall.events"])
			}
		}
	})
	t.Run("kcat reads every event", func(t *testing.T) {
		want, err := os.ReadFile("testdata/call.jsonl")
		if err != nil {
			t.Fatal(err)
		}
		got := read(t, dev.kafka, "aircall.events")
		if len(got) != bytes.Count(want, []byte("\n")) {
			t.Errorf("%d events, want %d", len(got), bytes.Count(want, []byte("\n")))
		}
		for _, record := range got {
			if bytes.Contains(record.value, []byte("dev-token")) {
				t.Errorf("an event holds the token: %s", record.value)
			}
		}
	})
	t.Run("kcat reads the call", func(t *testing.T) {
		eventually(t, func() error {
			got := read(t, dev.kafka, "aircall.calls")
			if len(got) == 0 {
				return fmt.Errorf("no calls")
			}
			last := got[len(got)-1] // all of one key, so in one partition and in order
			if last.key != callID {
				t.Fatalf("the key is %q, want %q", last.key, callID)
			}
			if !strings.Contains(last.headers, "schema=") {
				t.Fatalf("no header schema: %q", last.headers)
			}
			var call struct{ State, Trace map[string]json.RawMessage }
			if err := json.Unmarshal(last.value, &call); err != nil {
				t.Fatalf("%v: %s", err, last.value)
			}
			if call.State == nil || call.Trace == nil {
				t.Fatalf("neither state nor trace: %s", last.value)
			}
			if !bytes.Contains(call.State["tags"], []byte("Billing")) {
				return fmt.Errorf("the tag is not there yet: %s", last.value)
			}
			return nil
		})
	})
	t.Run("jsforce finds the Task", func(t *testing.T) {
		eventually(t, func() error {
			out, err := node("task", dev.salesforce, callID)
			if err != nil {
				return fmt.Errorf("%w\n%s", err, out)
			}
			return nil
		})
	})
}

// addresses are where the parts of callfold dev listen.
type addresses struct {
	web        string // URL
	kafka      string // host:port
	salesforce string // URL
}

// start builds callfold and runs callfold dev until the test ends.
func start(t *testing.T) addresses {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "callfold")
	if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/callfold").CombinedOutput(); err != nil {
		t.Fatalf("building callfold: %v\n%s", err, out)
	}
	web, kafka, salesforce := freeAddress(t), freeAddress(t), freeAddress(t)
	var output bytes.Buffer
	dev := exec.Command(binary, "dev", "--data", t.TempDir(), "--traffic", "0", "--org", "empty",
		"--listen", web, "--kafka", kafka, "--salesforce", salesforce)
	dev.Stdout, dev.Stderr = &output, &output
	if err := dev.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- dev.Wait() }()
	t.Cleanup(func() {
		if err := dev.Process.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("stopping callfold dev: %v", err)
		}
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("callfold dev ended with %v", err)
			}
		case <-time.After(patience):
			t.Errorf("callfold dev does not stop on SIGTERM")
			_ = dev.Process.Kill()
			<-ended
		}
		if t.Failed() {
			t.Logf("callfold dev said:\n%s", output.Bytes())
		}
	})
	eventually(t, func() error {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("callfold dev ended with %v", err)
		default:
		}
		answer, err := http.Get("http://" + web + "/readyz")
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("/readyz answers %s", answer.Status)
		}
		return nil
	})
	return addresses{web: "http://" + web, kafka: kafka, salesforce: "http://" + salesforce}
}

// freeAddress is an address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// post sends each line of a file as one webhook.
func post(t *testing.T, web, file string) {
	t.Helper()
	lines, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for body := range bytes.Lines(lines) {
		answer, err := http.Post(web+"/webhooks/aircall", "application/json", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("a webhook was answered with %s: %s", answer.Status, body)
		}
	}
}

// record is what kcat prints of one.
type record struct {
	key, headers string
	value        []byte
}

// read reads a whole topic.
func read(t *testing.T, broker, topic string) []record {
	t.Helper()
	const field, end = "\x1f", "\x1e\n" // JSON holds neither
	out := kcat(t, "-b", broker, "-C", "-t", topic, "-o", "beginning", "-e", "-q",
		"-f", "%k"+field+"%h"+field+"%s"+end)
	var records []record
	for line := range strings.SplitSeq(strings.TrimSuffix(string(out), end), end) {
		if line == "" {
			continue
		}
		parts := strings.Split(line, field)
		if len(parts) != 3 {
			t.Fatalf("kcat printed %q", line)
		}
		records = append(records, record{parts[0], parts[1], []byte(parts[2])})
	}
	return records
}

// kcat runs kcat and returns what it printed.
func kcat(t *testing.T, args ...string) []byte {
	t.Helper()
	// By itself it waits five seconds for the brokers' answer.
	out, err := bounded("kcat", append([]string{"-m", fmt.Sprint(patience.Seconds())}, args...)...)
	if err != nil {
		t.Fatalf("kcat %q: %v\n%s", args, err, out)
	}
	return out
}

// jsforce runs one step of salesforce.mjs, which must succeed.
func jsforce(t *testing.T, args ...string) {
	t.Helper()
	if out, err := node(args...); err != nil {
		t.Fatalf("salesforce.mjs %q: %v\n%s", args, err, out)
	}
}

func node(args ...string) ([]byte, error) {
	return bounded("node", append([]string{"salesforce.mjs"}, args...)...)
}

// bounded runs a program. Standard error is part of the output of one that failed.
func bounded(name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	program := exec.CommandContext(ctx, name, args...)
	program.Stdout, program.Stderr = &stdout, &stderr
	if err := program.Run(); err != nil {
		return append(stdout.Bytes(), stderr.Bytes()...), err
	}
	return stdout.Bytes(), nil
}

// eventually tries until the condition holds, at most for as long as there is patience.
func eventually(t *testing.T, condition func() error) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		err := condition()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal(err)
		}
	}
}
