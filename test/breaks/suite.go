package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// A test that runs longer than this hangs. None takes a minute where nothing else runs.
const limit = 10 * time.Minute

// suite builds and runs tests, with and without patches.
type suite struct {
	root  string            // of the module
	dir   string            // for what is built
	built map[string]string // test binaries without a patch, by package
	green map[string]error  // why a test does not pass without a patch, by binary and name
}

func newSuite(ctx context.Context) (*suite, error) {
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return nil, fmt.Errorf("asking go for the module: %w", err)
	}
	dir, err := os.MkdirTemp("", "callfold-breaks-")
	if err != nil {
		return nil, err
	}
	return &suite{
		root: filepath.Dir(strings.TrimSpace(string(mod))), dir: dir,
		built: map[string]string{}, green: map[string]error{},
	}, nil
}

func (s *suite) close() {
	_ = os.RemoveAll(s.dir) // what is left is in the system's own temporary directory
}

func (s *suite) path(below string) string { return filepath.Join(s.root, below) }

// result is what one test did.
type result struct {
	test          string
	without, with string
	took          time.Duration // with the patch
	problem       string
	output        string
}

// try runs the tests of a patch without it, and so many times with it, until one
// does not turn red. The error is one of the patch itself.
func (s *suite) try(ctx context.Context, p patch, times int) ([]result, error) {
	broken, err := s.buildBroken(ctx, p)
	if err != nil {
		return nil, err
	}
	whole, err := s.build(ctx, p.pkg)
	if err != nil {
		return nil, err
	}
	var results []result
	for _, want := range p.red {
		r := result{test: want.test, without: "green"}
		if err := s.passes(ctx, whole, p.pkg, want.test); err != nil {
			r.without, r.problem = "red", err.Error()
		}
		began := time.Now()
		for range times {
			if r.problem != "" {
				break
			}
			r.with, r.output = s.test(ctx, broken, p.pkg, want.test)
			r.problem = judge(want, r.with, r.output)
		}
		r.took = time.Since(began)
		results = append(results, r)
	}
	return results, nil
}

// judge says what is wrong with how a test took the break, or "".
func judge(want red, state, output string) string {
	switch {
	case want.says == hangs && state == "hangs":
		return ""
	case state != "red":
		return "the test did not fail"
	case !strings.Contains(output, want.says):
		return fmt.Sprintf("it failed for another reason than %q; see -v", want.says)
	}
	return ""
}

// buildBroken builds the tests with a patch.
func (s *suite) buildBroken(ctx context.Context, p patch) (string, error) {
	dir := filepath.Join(s.dir, p.name)
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for _, f := range p.files {
		text, err := os.ReadFile(s.path(f.path))
		if err != nil {
			return "", err
		}
		patched, err := f.apply(string(text))
		if err != nil {
			return "", err
		}
		copied := filepath.Join(dir, f.path)
		if err := os.MkdirAll(filepath.Dir(copied), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(copied, []byte(patched), 0o644); err != nil {
			return "", err
		}
		overlay.Replace[s.path(f.path)] = copied
	}
	list, err := json.Marshal(overlay)
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, list, 0o644); err != nil {
		return "", err
	}
	return s.compile(ctx, p.pkg, filepath.Join(dir, "broken.test"), "-overlay", file)
}

// build builds the tests of a package as they are, once.
func (s *suite) build(ctx context.Context, pkg string) (string, error) {
	if binary := s.built[pkg]; binary != "" {
		return binary, nil
	}
	binary, err := s.compile(ctx, pkg, filepath.Join(s.dir, fmt.Sprintf("whole-%d.test", len(s.built))))
	if err == nil {
		s.built[pkg] = binary
	}
	return binary, err
}

func (s *suite) compile(ctx context.Context, pkg, binary string, args ...string) (string, error) {
	// Without symbols it links in half the time.
	args = append([]string{"test", "-c", "-tags", "synctests", "-ldflags", "-s -w", "-o", binary}, args...)
	cmd := exec.CommandContext(ctx, "go", append(args, pkg)...)
	cmd.Dir = s.root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("it does not compile: %w\n%s", err, out)
	}
	return binary, nil
}

// passes is nil when a test passes in a binary without a patch; it is asked once.
func (s *suite) passes(ctx context.Context, binary, pkg, test string) error {
	key := binary + " " + test
	if err, known := s.green[key]; known {
		return err
	}
	var err error
	if state, output := s.test(ctx, binary, pkg, test); state != "green" {
		err = fmt.Errorf("without the patch it is %s: %s", state, output)
	}
	s.green[key] = err
	return err
}

// test runs one test of a binary: green, red, hangs or missing.
func (s *suite) test(ctx context.Context, binary, pkg, name string) (state, output string) {
	ctx, cancel := context.WithTimeout(ctx, limit+10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "-test.run", "^"+name+"$", "-test.v", "-test.timeout", limit.String())
	cmd.Dir = s.path(pkg)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	output = out.String()
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded), strings.Contains(output, "panic: test timed out"):
		return "hangs", output
	case !strings.Contains(output, "=== RUN   "+name):
		return "missing", output
	case err == nil:
		return "green", output
	}
	return "red", output
}
