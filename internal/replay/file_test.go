package replay

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callfold/callfold/schemas"
)

func TestFileIsForItsOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.plan")
	out, err := NewWriter(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := out.Add(Row{CallID: 7, Action: Create, Fields: []FieldChange{{Field: "Subject", Rule: "F2", Wanted: "Missed call"}}}); err != nil {
		t.Fatal(err)
	}
	if err := out.Finish(&Header{Calls: "calls", Summary: Summary{Create: 1}}); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v: %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
	p, err := Open(path)
	if err != nil || p.Len() != 1 || p.rows[0].callID != 7 || p.Header.Calls != "calls" || p.Digest == "" {
		t.Errorf("read %+v: %v", p, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, test := range map[string]struct{ content, want string }{
		"cut":      {`{"format":"callfold.plan/1","summary":{"update":2}}` + "\n" + `{"call_id":1}` + "\n", "has 1 rows and says it has 2"},
		"newer":    {`{"format":"callfold.plan/2"}`, "make the plan anew"},
		"other":    {`{"call_id":1}`, "is no plan"},
		"text":     {"hello", "is no plan"},
		"empty":    {"", "is no plan"},
		"half row": {`{"format":"callfold.plan/1","summary":{"update":1}}` + "\n" + `{"call_id":`, "line 2 of"},
	} {
		path := filepath.Join(t.TempDir(), "p")
		if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFilter(t *testing.T) {
	at := time.Unix(1_780_000_000, 0)
	call := schemas.Call{
		ID: 7, StartedAt: at.Unix(),
		Direction: schemas.Latest[string]{At: schemas.Key{Time: 1}, Value: schemas.Inbound},
		Number:    schemas.Number{ID: schemas.Latest[int64]{At: schemas.Key{Time: 1}, Value: 11}},
		EndedAt:   schemas.Latest[int64]{At: schemas.Key{Time: 1}, Value: at.Unix() + 9},
		Agents:    []schemas.Agent{{ID: 5, Email: schemas.Latest[string]{At: schemas.Key{Time: 1}, Value: "Ada@example.com"}}},
		Tags:      schemas.Latest[[]schemas.Tag]{At: schemas.Key{Time: 1}, Value: []schemas.Tag{{Name: "Sale"}}},
	}
	outcome := schemas.Outcome{Result: schemas.Rejected, Match: &schemas.Match{}}
	for name, test := range map[string]struct {
		filter Filter
		want   bool
	}{
		"all":              {Filter{}, true},
		"from":             {Filter{From: at}, true},
		"from later":       {Filter{From: at.Add(time.Second)}, false},
		"to":               {Filter{To: at}, false},
		"to later":         {Filter{To: at.Add(time.Second)}, true},
		"number":           {Filter{Numbers: []int64{10, 11}}, true},
		"other number":     {Filter{Numbers: []int64{10}}, false},
		"agent by id":      {Filter{Agents: []string{"5"}}, true},
		"agent by e-mail":  {Filter{Agents: []string{"ada@EXAMPLE.com"}}, true},
		"other agent":      {Filter{Agents: []string{"6"}}, false},
		"kind":             {Filter{Kinds: []string{"missed"}}, true},
		"other kind":       {Filter{Kinds: []string{"voicemail"}}, false},
		"tag":              {Filter{Tags: []string{"sale"}}, true},
		"other tag":        {Filter{Tags: []string{"Sal"}}, false},
		"outcome":          {Filter{Outcomes: []schemas.Result{schemas.Rejected}}, true},
		"other outcome":    {Filter{Outcomes: []schemas.Result{schemas.Created}}, false},
		"unmatched":        {Filter{Unmatched: true}, false},
		"id":               {Filter{IDs: map[int64]bool{7: true}}, true},
		"other id":         {Filter{IDs: map[int64]bool{8: true}}, false},
		"one fits not all": {Filter{Numbers: []int64{11}, Tags: []string{"Order"}}, false},
	} {
		if got := test.filter.wants(&call, &outcome); got != test.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestFilterCheck(t *testing.T) {
	now := time.Now()
	for name, f := range map[string]Filter{"kind": {Kinds: []string{"lost"}}, "range": {From: now, To: now}} {
		if f.Check() == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := (Filter{Kinds: []string{"missed"}, From: now}).Check(); err != nil {
		t.Error(err)
	}
}
