package projector

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callfold/callfold/schemas"
	"github.com/go-json-experiment/json"
	"github.com/rogpeppe/go-internal/txtar"
	yaml "go.yaml.in/yaml/v3"
)

// scenario is one file of testdata/scenarios; README.md there describes them.
type scenario struct {
	name     string
	rules    []string
	settings []byte
	calls    map[int64]*callScript
	steps    []step
}

// step is one look at one call: a "want" section, with the org of that moment.
type step struct {
	name   string
	callID int64
	pack   string // overrides tasks.subjects
	until  int64  // only events up to this second are known; −1 = all
	org    map[string]any
	want   want
}

type want struct {
	Decision string                `yaml:"decision"` // "log L2"
	Kind     string                `yaml:"kind"`
	Until    int64                 `yaml:"until"` // seconds after the call's start
	Match    string                `yaml:"match"` // "Contact 003…", or none
	Task     map[string]any        `yaml:"task"`
	Complete bool                  `yaml:"complete"` // task names every field that is written
	Absent   []string              `yaml:"absent"`   // fields left out
	Compare  map[string]any        `yaml:"compare"`  // Field.Compare where it is not the value
	Reasons  map[string]wantReason `yaml:"reasons"`
	Create   map[string]any        `yaml:"create"`    // object and fields of NewRecord; {} for none
	Case     map[string]any        `yaml:"case"`      // fields of NewCase; {} for none
	TakeOver string                `yaml:"take_over"` // user Id, or none
}

type wantReason struct {
	Rule       string   `yaml:"rule"`
	Why        string   `yaml:"why"`
	Events     []string `yaml:"events"` // "answered+12"
	Considered []string `yaml:"considered"`
}

func strictYAML(t testing.TB, where string, in []byte, out any) {
	t.Helper()
	dec := yaml.NewDecoder(bytes.NewReader(in))
	dec.KnownFields(true)
	if err := dec.Decode(out); err != nil {
		t.Fatalf("%s: %v", where, err)
	}
}

func readCast(t testing.TB) *cast {
	t.Helper()
	b, err := os.ReadFile("testdata/cast.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var c cast
	strictYAML(t, "cast.yaml", b, &c)
	return &c
}

// scenarioFiles are the paths of all scenarios.
func scenarioFiles(t testing.TB) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir("testdata/scenarios", func(path string, d fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".txtar") {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	return files
}

func readScenario(t testing.TB, path string) *scenario {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := &scenario{name: strings.TrimSuffix(filepath.Base(path), ".txtar"), calls: make(map[int64]*callScript)}
	for line := range strings.Lines(string(archive.Comment)) {
		if rules, ok := strings.CutPrefix(line, "Rules: "); ok {
			s.rules = strings.FieldsFunc(rules, func(r rune) bool { return strings.ContainsRune(", .\n", r) })
		}
	}
	if len(s.rules) == 0 {
		t.Fatalf("%s: its head has no line \"Rules: …\"", path)
	}
	var org map[string]any
	for _, f := range archive.Files {
		where := path + ", section " + f.Name
		words := strings.Fields(f.Name)
		switch words[0] {
		case "settings":
			s.settings = f.Data
		case "org":
			org = nil
			strictYAML(t, where, f.Data, &org)
		case "call":
			call := &callScript{ID: 1001, Direction: "inbound", Number: "paris", At: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
			if len(words) > 1 {
				call.ID, _ = strconv.ParseInt(words[1], 10, 64)
			}
			strictYAML(t, where, f.Data, call)
			s.calls[call.ID] = call
		case "want":
			st := step{name: f.Name, callID: 1001, until: -1, org: org}
			for i := 1; i < len(words); i++ {
				if id, err := strconv.ParseInt(words[i], 10, 64); err == nil {
					st.callID = id
				} else if words[i] == "at" && i+1 < len(words) {
					i++
					st.until, err = strconv.ParseInt(strings.TrimPrefix(words[i], "+"), 10, 64)
					if err != nil {
						t.Fatalf("%s: %v", where, err)
					}
				} else if slices.Contains(Packs(), words[i]) {
					st.pack = words[i]
				} else {
					t.Fatalf("%s: %q is neither a call id, a pack nor \"at +SECONDS\"", where, words[i])
				}
			}
			strictYAML(t, where, f.Data, &st.want)
			s.steps = append(s.steps, st)
		default:
			t.Fatalf("%s: no such section", where)
		}
	}
	return s
}

// rulesFor are the scenario's settings over the defaults.
func (s *scenario) rulesFor(t testing.TB, pack string) *Rules {
	t.Helper()
	settings := DefaultSettings()
	if s.settings != nil {
		strictYAML(t, s.name+", section settings", s.settings, &settings)
	}
	if pack != "" {
		settings.Tasks.Subjects = pack
	}
	r, err := New(settings)
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	return r
}

// orgWith is the cast's org with a scenario's records: they are added, and
// replace those with the same Id.
func (c *cast) orgWith(t testing.TB, more map[string]any) *OrgFile {
	t.Helper()
	org := maps.Clone(c.Org)
	fields, _ := more["task_fields"].(map[string]any)
	for k, v := range more {
		list, isList := v.([]any)
		have, _ := org[k].([]any)
		switch {
		case k == "task_fields":
		case isList:
			have = slices.DeleteFunc(slices.Clone(have), func(old any) bool {
				return slices.ContainsFunc(list, func(added any) bool { return old.(map[string]any)["Id"] == added.(map[string]any)["Id"] })
			})
			org[k] = append(have, list...)
		default:
			org[k] = v
		}
	}
	b, err := json.Marshal(org)
	if err != nil {
		t.Fatal(err)
	}
	file, err := ParseOrg(b)
	if err != nil {
		t.Fatal(err)
	}
	if fields != nil {
		file.Org.TaskFields = make(map[string]FieldInfo)
		for name, v := range fields {
			info := v.(map[string]any)
			length, _ := info["length"].(int)
			file.Org.TaskFields[name] = FieldInfo{Createable: info["createable"] == true, Updateable: info["updateable"] == true, Length: length}
		}
	}
	return file
}

// memory is what the sink remembers with a call between writes (M9).
type memory struct {
	match *schemas.Match
	owner *schemas.Owner
}

// look is what a sink does with one call: decide, match or remember, own,
// project.
func look(r *Rules, record schemas.CallRecord, org *OrgFile, now time.Time, m *memory) Projection {
	if m.match == nil {
		p := r.Project(record, org, now)
		m.match, m.owner = p.Resolution.Match, p.Resolution.Owner
		return p
	}
	p := Projection{CallID: record.State.ID, Decision: r.Decide(record, now)}
	if p.Decision.Action == Log {
		res := Resolution{Lookup: r.Lookup(record), Match: m.match}
		res.Owner, res.OwnerReason = r.Own(record, res.Match, m.owner, org.Org)
		m.owner = res.Owner
		p.Resolution, p.Task = res, r.Task(record, p.Decision, res, org.Org)
	}
	return p
}

func TestScenarios(t *testing.T) {
	c := readCast(t)
	for _, path := range scenarioFiles(t) {
		s := readScenario(t, path)
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.run(t, c)
		})
	}
}

func (s *scenario) run(t *testing.T, c *cast) {
	memories := make(map[int64]*memory)
	for _, st := range s.steps {
		script := s.calls[st.callID]
		if script == nil {
			t.Fatalf("%s: there is no call %d", st.name, st.callID)
		}
		if memories[st.callID] == nil || st.until < 0 {
			memories[st.callID] = &memory{}
		}
		remembered := memories[st.callID]
		bodies := script.bodies(t, c)
		now := time.Unix(script.At.Unix()+bodies[len(bodies)-1].at, 0)
		if st.until >= 0 {
			bodies = slices.DeleteFunc(bodies, func(b body) bool { return b.at > st.until })
			now = time.Unix(script.At.Unix()+st.until, 0)
		}
		r, org := s.rulesFor(t, st.pack), c.orgWith(t, st.org)

		before := *remembered
		record := fold(t, bodies)
		got := look(r, record, org, now, remembered)
		s.sameInAnyOrder(t, st, bodies, got, r, org, now, before)
		st.check(t, script, r, org, record, got)
	}
}

// sameInAnyOrder folds the events backwards and shuffled, each with
// duplicates, and wants the same output, byte for byte.
func (s *scenario) sameInAnyOrder(t *testing.T, st step, bodies []body, got Projection, r *Rules, org *OrgFile, now time.Time, before memory) {
	t.Helper()
	expect := encode(t, got)
	rng := rand.New(rand.NewPCG(1, uint64(len(bodies))))
	twice := slices.Concat(bodies, bodies)
	slices.Reverse(twice)
	for range 5 {
		m := before
		if again := encode(t, look(r, fold(t, twice), org, now, &m)); !bytes.Equal(again, expect) {
			t.Fatalf("%s: another order of events gives another output:\n%s\nfirst:\n%s", st.name, again, expect)
		}
		rng.Shuffle(len(twice), func(i, j int) { twice[i], twice[j] = twice[j], twice[i] })
	}
}

func encode(t testing.TB, p Projection) []byte {
	t.Helper()
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (st *step) check(t *testing.T, script *callScript, r *Rules, org *OrgFile, record schemas.CallRecord, got Projection) {
	t.Helper()
	w := &st.want
	wrong := func(what string, got, want any) {
		t.Helper()
		t.Errorf("%s: %s\n got %#v\nwant %#v", st.name, what, got, want)
	}
	if have := string(got.Decision.Action) + " " + got.Decision.Rule; w.Decision != "" && have != w.Decision {
		wrong("decision", have, w.Decision)
	}
	if w.Kind != "" && string(got.Decision.Kind) != w.Kind {
		wrong("kind", got.Decision.Kind, w.Kind)
	}
	var until int64
	if !got.Decision.Until.IsZero() {
		until = got.Decision.Until.Unix() - script.At.Unix()
	}
	if until != w.Until {
		wrong("until", until, w.Until)
	}
	if w.Match != "" {
		have := "none"
		if m := got.Resolution.Match; m != nil {
			have = m.Object + " " + m.ID
		}
		if have != w.Match {
			wrong("match", have, w.Match)
		}
	}

	fields := make(map[string]Field)
	for _, f := range got.Task.Fields {
		fields[f.Name] = f
	}
	for name, value := range w.Task {
		f, ok := fields[name]
		if !ok {
			t.Errorf("%s: %s is not written", st.name, name)
		} else if problem := differs(f.Value, value); problem != "" {
			t.Errorf("%s: %s: %s", st.name, name, problem)
		}
	}
	if w.Complete {
		for name, f := range fields {
			if _, ok := w.Task[name]; !ok {
				t.Errorf("%s: %s = %#v is written and not expected", st.name, name, f.Value)
			}
		}
	}
	for _, name := range w.Absent {
		if f, ok := fields[name]; ok {
			t.Errorf("%s: %s = %#v should be left out", st.name, name, f.Value)
		}
	}
	for name, value := range w.Compare {
		if problem := differs(fields[name].Compare, value); problem != "" {
			t.Errorf("%s: comparing %s: %s", st.name, name, problem)
		}
	}
	reasons := got.Task.Reasons()
	for name, f := range reasons {
		if f.Rule == "" || f.Why == "" {
			t.Errorf("%s: %s has no full reason: %+v", st.name, name, f)
		}
	}
	for name, want := range w.Reasons {
		st.checkReason(t, script, name, reasons[name], want)
	}
	if w.Create != nil {
		have := map[string]any{}
		if object, fields, ok := r.NewRecord(record, got.Resolution.Lookup); ok {
			have = maps.Clone(fields)
			have["object"] = object
		}
		if !reflect.DeepEqual(have, w.Create) {
			wrong("record to create", have, w.Create)
		}
	}
	if w.Case != nil {
		have, ok := r.NewCase(record, got.Resolution.Lookup, got.Resolution.Match)
		if !ok {
			have = map[string]any{}
		}
		if !reflect.DeepEqual(have, w.Case) {
			wrong("case to create", have, w.Case)
		}
	}
	if w.TakeOver != "" {
		have, why := r.TakeOver(record, got.Resolution.Match, org.Org)
		if have == "" {
			have = "none"
		}
		if have != w.TakeOver {
			wrong("take over ("+why.Why+")", have, w.TakeOver)
		}
	}
}

func (st *step) checkReason(t *testing.T, script *callScript, name string, got schemas.Reason, want wantReason) {
	t.Helper()
	if want.Rule != "" && got.Rule != want.Rule {
		t.Errorf("%s: reason of %s: rule %q, want %q", st.name, name, got.Rule, want.Rule)
	}
	if want.Why != "" && got.Why != want.Why {
		t.Errorf("%s: reason of %s:\n got %q\nwant %q", st.name, name, got.Why, want.Why)
	}
	if want.Events != nil {
		var events []string
		for _, e := range want.Events {
			event, at, _ := strings.Cut(e, "+")
			seconds, _ := strconv.ParseInt(at, 10, 64)
			events = append(events, "call."+event+"@"+strconv.FormatInt(script.At.Unix()+seconds, 10))
		}
		if !slices.Equal(got.Events, events) {
			t.Errorf("%s: reason of %s: events %q, want %q", st.name, name, got.Events, events)
		}
	}
	if want.Considered != nil && !slices.Equal(got.Considered, want.Considered) {
		t.Errorf("%s: reason of %s: considered\n %q, want\n %q", st.name, name, got.Considered, want.Considered)
	}
}

// differs compares a value with one from YAML: a plain value, or a description
// {starts, ends, contains, lacks, units} of a long text.
func differs(got, want any) string {
	if long, ok := want.(map[string]any); ok {
		s, _ := got.(string)
		if v, ok := long["starts"].(string); ok && !strings.HasPrefix(s, v) {
			return fmt.Sprintf("it starts with %.80q, not %q", s, v)
		}
		if v, ok := long["ends"].(string); ok && !strings.HasSuffix(s, v) {
			return fmt.Sprintf("it ends in %q, not in %q", s[max(0, len(s)-80):], v)
		}
		if v, ok := long["contains"].(string); ok && !strings.Contains(s, v) {
			return fmt.Sprintf("it does not contain %q", v)
		}
		if v, ok := long["lacks"].(string); ok && strings.Contains(s, v) {
			return fmt.Sprintf("it contains %q", v)
		}
		if v, ok := long["units"].(int); ok && units(s) != v {
			return fmt.Sprintf("it has %d UTF-16 units, not %d", units(s), v)
		}
		return ""
	}
	if n, ok := want.(int); ok {
		want = int64(n)
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Sprintf("\n got %#v\nwant %#v", got, want)
	}
	return ""
}

// TestEveryRuleHasAScenario holds the contract's numbers against the heads of
// the scenarios.
func TestEveryRuleHasAScenario(t *testing.T) {
	named := make(map[string]bool)
	for _, path := range scenarioFiles(t) {
		for _, rule := range readScenario(t, path).rules {
			named[rule] = true
		}
	}
	for _, group := range []struct {
		letter string
		last   int
	}{{"L", 8}, {"F", 22}, {"M", 9}, {"O", 6}} {
		for i := 1; i <= group.last; i++ {
			rule := group.letter + strconv.Itoa(i)
			if !named[rule] {
				t.Errorf("no scenario shows rule %s", rule)
			}
			delete(named, rule)
		}
	}
	for rule := range named {
		t.Errorf("a scenario names %q, which is no rule", rule)
	}
}
