package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// report is what a run did and what came of it.
type report struct {
	Scenario string  `json:"scenario"`
	Broker   string  `json:"broker"`
	Seed     uint64  `json:"seed"`
	Seconds  float64 `json:"seconds"` // of load and faults
	Drained  float64 `json:"drained_seconds"`

	// Done counts what the harness did.
	Done map[string]int `json:"done"`
	// Salesforce counts the troubles of the org, by name.
	Salesforce map[string]int `json:"salesforce"`
	// Met are the counters without which a run proves nothing.
	Met map[string]int `json:"met"`
	// Rates.
	PostsAgain int     `json:"posts_again"` // posts that got no 200
	Mismatches int     `json:"input_mismatches"`
	PerSecond  float64 `json:"events_per_second"`

	Verdict *verdict `json:"verdict"`
	// Complaints are what else is wrong: a stage that ended by itself, or did
	// not end when it was told to.
	Complaints []string `json:"complaints,omitempty"`
	// Demanded tells whether all of Met must be there.
	Demanded bool `json:"-"`

	mu sync.Mutex
}

// The names in report.Met.
const (
	metAborted  = "aborted transactions"
	metUnknown  = "unknown ends"
	metTakeover = "takeovers during a Salesforce request"
	metLost     = "lost Salesforce answers"
	metReplays  = "journal replays"
)

func (r *report) add(what string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Done[what] += n
}

func (r *report) done(what string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.Done[what]
}

func (r *report) complain(problem string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Complaints = append(r.Complaints, problem)
}

// unmet are the counters that are 0.
func (r *report) unmet() []string {
	var unmet []string
	for _, name := range slices.Sorted(maps.Keys(r.Met)) {
		if r.Met[name] == 0 {
			unmet = append(unmet, name)
		}
	}
	return unmet
}

// exitCode is 0 only when nothing is wrong and the run proves something.
func (r *report) exitCode() int {
	if r.Verdict == nil || !r.Verdict.ok() || len(r.Complaints) > 0 || r.Demanded && len(r.unmet()) > 0 {
		return 1
	}
	return 0
}

// write prints the report for people, or as one JSON object.
func (r *report) write(w io.Writer, format string) error {
	if format == "json" {
		text, err := json.Marshal(r, json.Deterministic(true), jsontext.WithIndent("  "))
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s\n", text)
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s on %s, seed %d: %.0f s of load and faults, drained in %.0f s\n", r.Scenario, r.Broker, r.Seed, r.Seconds, r.Drained)
	list := func(title string, counts map[string]int) {
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(counts)) {
			parts = append(parts, fmt.Sprintf("%s %d", name, counts[name]))
		}
		fmt.Fprintf(&b, "  %-11s %s\n", title, strings.Join(parts, ", "))
	}
	if v := r.Verdict; v != nil {
		fmt.Fprintf(&b, "  %-11s %d events (%.0f a second), %d calls, %d Tasks; %d posts without a 200, %d events again in the topic\n",
			"load", v.Bodies, r.PerSecond, v.Calls, v.Tasks, r.PostsAgain, v.Again)
	}
	list("done", r.Done)
	list("salesforce", r.Salesforce)
	list("met", r.Met)
	for _, name := range r.unmet() {
		if r.Demanded {
			fmt.Fprintf(&b, "  MISSING     %s: the run proves nothing without\n", name)
		}
	}
	if r.Mismatches > 0 {
		fmt.Fprintf(&b, "  ALARM       %d restored tables did not fit the group's offset\n", r.Mismatches)
	}
	for _, c := range r.Complaints {
		fmt.Fprintf(&b, "  WRONG       %s\n", c)
	}
	if v := r.Verdict; v != nil {
		for _, f := range v.Findings {
			fmt.Fprintf(&b, "  %s\n", f)
		}
		fmt.Fprintf(&b, "lost %d, duplicated %d, diverged %d\n", v.Lost, v.Duplicated, v.Diverged)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// seconds is a duration in seconds, to a tenth.
func seconds(d time.Duration) float64 { return d.Round(100 * time.Millisecond).Seconds() }
