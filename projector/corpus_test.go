package projector

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callfold/callfold/schemas"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

var addCorpus = flag.Bool("corpus.add", false, "write what the corpus lacks; what it has is never changed")

// TestCorpus projects the calls of recorded event logs, with the settings by default
// and the org that was recorded with them: what was once written to Salesforce is
// written by every later version. See schemas/testdata/corpus/README.md.
func TestCorpus(t *testing.T) {
	const dir = "../schemas/testdata/corpus"
	body, err := os.ReadFile(filepath.Join(dir, "org.json"))
	if err != nil {
		t.Fatal(err)
	}
	org, err := ParseOrg(body)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := New(DefaultSettings())
	if err != nil {
		t.Fatal(err)
	}
	logs, err := filepath.Glob(filepath.Join(dir, "*.events.jsonl"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("the corpus has no event logs: %v", err)
	}
	for _, log := range logs {
		t.Run(filepath.Base(log), func(t *testing.T) {
			got := projectCorpus(t, log, rules, org)
			file := strings.TrimSuffix(log, ".events.jsonl") + ".tasks.jsonl"
			if _, err := os.Stat(file); *addCorpus && os.IsNotExist(err) {
				if err := os.WriteFile(file, []byte(strings.Join(got, "\n")+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
			if len(got) != len(want) {
				t.Fatalf("%d calls, want %d", len(got), len(want))
			}
			for i := range got {
				if got[i] != want[i] {
					t.Errorf("call %d\n got  %s\n want %s", i+1, got[i], want[i])
				}
			}
		})
	}
}

// corpusTask is what the corpus keeps of a projection: not the reasons, whose
// wording may be bettered.
type corpusTask struct {
	CallID   int64          `json:"call_id"`
	Decision string         `json:"decision"`
	Rule     string         `json:"rule"`
	Task     jsontext.Value `json:"task,omitzero"`
}

// projectCorpus folds a log and projects its calls, a line each, ordered by id.
func projectCorpus(t *testing.T, log string, rules *Rules, org *OrgFile) []string {
	t.Helper()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	calls := map[int64]schemas.CallRecord{}
	for i, body := range bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) {
		e, err := schemas.ParseEvent(body)
		if err != nil {
			t.Fatalf("line %d: %v", i+1, err)
		}
		calls[e.CallID] = schemas.Fold(calls[e.CallID], e, int64(i))
	}
	var lines []string
	for _, id := range slices.Sorted(maps.Keys(calls)) {
		b, err := json.Marshal(rules.Project(calls[id], org, time.Unix(1<<40, 0)), json.Deterministic(true))
		if err != nil {
			t.Fatal(err)
		}
		var task corpusTask
		if err := json.Unmarshal(b, &task); err != nil {
			t.Fatal(err)
		}
		line, err := json.Marshal(task)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(line))
	}
	return lines
}
