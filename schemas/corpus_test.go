package schemas

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var addCorpus = flag.Bool("corpus.add", false, "write what the corpus lacks; what it has is never changed")

const corpusDir = "testdata/corpus"

// TestCorpus folds recorded event logs: every version must make of them, byte for
// byte, what the version did that recorded them. See testdata/corpus/README.md.
func TestCorpus(t *testing.T) {
	version := Calls.Schema()[strings.LastIndex(Calls.Schema(), "/")+1:]
	for _, log := range corpusLogs(t) {
		t.Run(filepath.Base(log), func(t *testing.T) {
			got := foldCorpus(t, log)
			file := strings.TrimSuffix(log, ".events.jsonl") + ".calls-" + version + ".jsonl"
			if _, err := os.Stat(file); *addCorpus && os.IsNotExist(err) {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v: if the version of the schema is new, run with -corpus.add", err)
			}
			gotLines, wantLines := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
			if len(gotLines) != len(wantLines) {
				t.Errorf("%d calls, want %d", len(gotLines)-1, len(wantLines)-1)
			}
			for i := range min(len(gotLines), len(wantLines)) {
				if !bytes.Equal(gotLines[i], wantLines[i]) {
					t.Errorf("call %d\n got  %s\n want %s", i+1, gotLines[i], wantLines[i])
				}
			}
		})
	}
}

// TestCorpusCanBeRead: states of every version that was ever recorded.
func TestCorpusCanBeRead(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(corpusDir, "*.calls-*.jsonl"))
	if len(files) == 0 {
		t.Fatal("the corpus has no states")
	}
	for _, file := range files {
		version := strings.TrimSuffix(file[strings.LastIndex(file, "-")+1:], ".jsonl")
		schema := strings.TrimSuffix(Calls.Schema(), Calls.Schema()[strings.LastIndex(Calls.Schema(), "/")+1:]) + version
		for i, line := range corpusLines(t, file) {
			if _, err := Calls.Decode(schema, line); err != nil {
				t.Errorf("%s, line %d: %v", file, i+1, err)
			}
		}
	}
}

// foldCorpus folds a log in its order and encodes the calls, ordered by id.
func foldCorpus(t *testing.T, log string) []byte {
	t.Helper()
	calls := map[int64]CallRecord{}
	for offset, body := range corpusLines(t, log) {
		e, err := ParseEvent(body)
		if err != nil {
			t.Fatalf("line %d: %v", offset+1, err)
		}
		calls[e.CallID] = Fold(calls[e.CallID], e, int64(offset))
	}
	var out bytes.Buffer
	for _, id := range slices.Sorted(maps.Keys(calls)) {
		b, err := Calls.Encode(calls[id])
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// TestCorpusOnlyGrows: what was ever put into the corpus is there and unchanged,
// and what is there is listed.
func TestCorpusOnlyGrows(t *testing.T) {
	list := filepath.Join(corpusDir, "SHA256SUMS")
	text, err := os.ReadFile(list)
	if err != nil && !*addCorpus {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		sum, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok {
			t.Fatalf("%s: %q is no line of the form HASH  FILE", list, line)
		}
		listed[name] = true
		if got, err := sumOf(filepath.Join(corpusDir, name)); err != nil {
			t.Errorf("%v: nothing is ever taken out of the corpus", err)
		} else if got != sum {
			t.Errorf("%s was changed: nothing in the corpus ever is; put it back, and add a new file instead", name)
		}
	}
	files, err := os.ReadDir(corpusDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := f.Name()
		if listed[name] || name == "README.md" || name == "SHA256SUMS" {
			continue
		}
		if !*addCorpus {
			t.Errorf("%s is not listed: run with -corpus.add", name)
			continue
		}
		sum, err := sumOf(filepath.Join(corpusDir, name))
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, sum+"  "+name+"\n"...)
	}
	if *addCorpus && !t.Failed() {
		if err := os.WriteFile(list, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func sumOf(file string) (string, error) {
	b, err := os.ReadFile(file)
	return fmt.Sprintf("%x", sha256.Sum256(b)), err
}

func corpusLogs(t *testing.T) []string {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(corpusDir, "*.events.jsonl"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("the corpus has no event logs: %v", err)
	}
	return logs
}

func corpusLines(t *testing.T, file string) [][]byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n"))
}
