package main

import (
	"os"
	"strings"
	"testing"
)

// TestPatchesApply: code that a patch takes out has not moved on without it. That
// its test turns red is checked by make test-breaks.
func TestPatchesApply(t *testing.T) {
	patches, err := load(".")
	if err != nil {
		t.Fatal(err)
	}
	if len(patches) == 0 {
		t.Fatal("there are no patches")
	}
	for _, p := range patches {
		for _, f := range p.files {
			text, err := os.ReadFile("../../" + f.path)
			if err != nil {
				t.Errorf("%s: %v", p.name, err)
				continue
			}
			if after, err := f.apply(string(text)); err != nil {
				t.Errorf("%s: %v", p.name, err)
			} else if after == string(text) {
				t.Errorf("%s: it changes nothing", p.name)
			}
		}
	}
}

func TestHunkIsFoundByItsLines(t *testing.T) {
	const text = "a\nb\nc\nb\nd\n"
	for name, c := range map[string]struct{ diff, want, problem string }{
		"moved":     {diff: " b\n-d\n+e", want: "a\nb\nc\nb\ne\n"},
		"ambiguous": {diff: "-b\n+e", problem: "2 times"},
		"gone":      {diff: " b\n-x", problem: `"x"`},
		"no lines":  {diff: "+e", problem: "no line"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := parse(name, "Breaks: it.\nPackage: ./p\nRed: TestX: y\n\n--- a/f\n+++ b/f\n@@\n"+c.diff+"\n")
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.files[0].apply(text)
			if c.problem == "" && (err != nil || got != c.want) {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
			if c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)) {
				t.Errorf("got %v, want a problem with %s", err, c.problem)
			}
		})
	}
}
