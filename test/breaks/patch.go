package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// patch is one committed break.
type patch struct {
	name   string // of its file, without .patch
	breaks string // what is taken out, in a sentence
	pkg    string // whose tests turn red
	red    []red
	files  []filePatch
}

// red is a test that must fail.
type red struct {
	test string // top-level name
	says string // part of its output
}

// hangs is what a test "says" that is expected to run into its time limit.
const hangs = "hangs"

// filePatch changes one file.
type filePatch struct {
	path  string // below the module's root
	hunks []hunk
}

// hunk replaces some neighbouring lines by others.
type hunk struct{ before, after []string }

// load reads the patches of a folder, ordered by name.
func load(dir string) ([]patch, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.patch"))
	if err != nil {
		return nil, err
	}
	var patches []patch
	var errs []error
	for _, file := range names {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		p, err := parse(strings.TrimSuffix(filepath.Base(file), ".patch"), string(text))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", file, err))
		}
		patches = append(patches, p)
	}
	return patches, errors.Join(errs...)
}

// parse reads one patch: header lines, and then a unified diff.
func parse(name, text string) (patch, error) {
	p := patch{name: name}
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if err := p.line(line); err != nil {
			return p, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	if p.breaks == "" || p.pkg == "" || len(p.red) == 0 || len(p.files) == 0 {
		return p, errors.New("a patch needs the headers Breaks, Package and Red, and a diff")
	}
	return p, nil
}

func (p *patch) line(line string) error {
	if len(p.files) == 0 {
		return p.head(line)
	}
	f := &p.files[len(p.files)-1]
	switch {
	case strings.HasPrefix(line, "--- "), strings.HasPrefix(line, "diff "), strings.HasPrefix(line, "index "):
		return nil // the name is that of the +++ line
	case strings.HasPrefix(line, "+++ "):
		return p.head(line)
	case strings.HasPrefix(line, "@@"):
		f.hunks = append(f.hunks, hunk{})
		return nil
	case len(f.hunks) == 0:
		return errors.New("a hunk begins with @@")
	}
	h := &f.hunks[len(f.hunks)-1]
	kind, rest := byte(' '), ""
	if line != "" { // some editors drop the space of an empty line
		kind, rest = line[0], line[1:]
	}
	switch kind {
	case ' ':
		h.before, h.after = append(h.before, rest), append(h.after, rest)
	case '-':
		h.before = append(h.before, rest)
	case '+':
		h.after = append(h.after, rest)
	default:
		return fmt.Errorf("%q is no line of a hunk", line)
	}
	return nil
}

func (p *patch) head(line string) error {
	if path, ok := strings.CutPrefix(line, "+++ b/"); ok {
		p.files = append(p.files, filePatch{path: path})
		return nil
	}
	key, value, _ := strings.Cut(line, ": ")
	switch key {
	case "Breaks":
		p.breaks = value
	case "Package":
		p.pkg = value
	case "Red":
		test, says, ok := strings.Cut(value, ": ")
		if !ok || says == "" {
			return errors.New("write Red: TEST: PART OF WHAT IT SAYS")
		}
		p.red = append(p.red, red{test, says})
	default:
		if line != "" && !strings.HasPrefix(line, "--- ") && !strings.HasPrefix(line, "diff ") && !strings.HasPrefix(line, "index ") {
			return fmt.Errorf("%q is no header", line)
		}
	}
	return nil
}

// apply returns the patched text of a file.
func (f filePatch) apply(text string) (string, error) {
	lines := strings.Split(text, "\n")
	for i, h := range f.hunks {
		at, err := find(lines, h.before)
		if err != nil {
			return "", fmt.Errorf("%s, hunk %d: %w", f.path, i+1, err)
		}
		lines = slices.Replace(lines, at, at+len(h.before), h.after...)
	}
	return strings.Join(lines, "\n"), nil
}

// find returns where the lines are, which must be in exactly one place.
func find(text, lines []string) (int, error) {
	if len(lines) == 0 {
		return 0, errors.New("it has no line to find its place by")
	}
	at, times, most := 0, 0, 0
	for i := range text {
		n := 0
		for n < len(lines) && i+n < len(text) && text[i+n] == lines[n] {
			n++
		}
		most = max(most, n)
		if n == len(lines) {
			at = i
			times++
		}
	}
	switch {
	case times == 0:
		return 0, fmt.Errorf("it does not apply any more; the first line without its place is %q", lines[most])
	case times > 1:
		return 0, fmt.Errorf("its lines occur %d times: give it more context", times)
	}
	return at, nil
}
