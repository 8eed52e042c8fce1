package apiserver

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// folder of the chart in the repository.
const folder = "charts/callfold"

// earlier is a version of the chart that somebody may have installed.
type earlier struct{ version, commit string }

// history is what a checkout knows of the chart's past.
type history struct {
	// versions are those that are not the present one, the oldest first, each as
	// it was in the last commit that had it.
	versions []earlier
	// commits is how many have changed the chart.
	commits int
	// shallow tells that the history is cut off.
	shallow bool
}

// complete tells whether an earlier version is in the history if there ever was
// one. A copy of the files that was made a repository has one commit, and no past.
func (h history) complete() bool { return !h.shallow && h.commits > 1 }

// historyOf reads the history of the checkout at dir.
func historyOf(ctx context.Context, dir string) (h history, err error) {
	git := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Dir = dir
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, stderr.String())
		}
		return strings.TrimSpace(string(out)), nil
	}
	out, err := git("rev-parse", "--is-shallow-repository")
	if err != nil {
		return h, err
	}
	h.shallow = out == "true"
	content, err := os.ReadFile(filepath.Join(dir, folder, "Chart.yaml"))
	if err != nil {
		return h, err
	}
	present, err := versionOf(content)
	if err != nil {
		return h, err
	}
	// The newest commits come first.
	commits, err := git("log", "--format=%H", "HEAD", "--", folder)
	if err != nil {
		return h, err
	}
	h.commits = len(strings.Fields(commits))
	seen := map[string]bool{present: true}
	for commit := range strings.FieldsSeq(commits) {
		content, err := git("show", commit+":"+folder+"/Chart.yaml")
		if err != nil {
			continue // the commit took the chart away, or its history is cut off
		}
		version, err := versionOf([]byte(content))
		if err != nil {
			return h, fmt.Errorf("commit %s: %w", commit, err)
		}
		if !seen[version] {
			seen[version] = true
			h.versions = append(h.versions, earlier{version, commit})
		}
	}
	slices.Reverse(h.versions)
	return h, nil
}

func versionOf(chart []byte) (string, error) {
	var c struct{ Version string }
	if err := yaml.Unmarshal(chart, &c); err != nil || c.Version == "" {
		return "", fmt.Errorf("reading the version in Chart.yaml: %q, %w", c.Version, err)
	}
	return c.Version, nil
}

// checkout writes the chart as it was into a folder of the test's.
func (e earlier) checkout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	archive := exec.CommandContext(t.Context(), "git", "archive", e.commit, folder)
	archive.Dir = root
	out, err := archive.Output()
	check(t, err)
	unpack := exec.CommandContext(t.Context(), "tar", "-x", "-C", dir)
	unpack.Stdin = bytes.NewReader(out)
	check(t, unpack.Run())
	return filepath.Join(dir, folder)
}

// TestHistory looks for earlier versions in a history of the test's own.
func TestHistory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=test", "-c", "user.email=test@example.com"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	read := func(dir string) history {
		t.Helper()
		h, err := historyOf(t.Context(), dir)
		check(t, err)
		return h
	}
	git("init", "--quiet")
	check(t, os.MkdirAll(filepath.Join(dir, folder), 0o700))
	for i, version := range []string{"0.1.0", "0.1.0", "0.2.0", "1.0.0"} {
		check(t, os.WriteFile(filepath.Join(dir, folder, "Chart.yaml"), fmt.Appendf(nil, "version: %s\ndescription: commit %d\n", version, i), 0o600))
		git("add", ".")
		git("commit", "--quiet", "--message", version)
		// The first commit may be a copy of files. The second has no new version, though it could have.
		if h := read(dir); i < 2 && (len(h.versions) > 0 || h.complete() != (i == 1)) {
			t.Errorf("after %d commits: %+v, complete %v", i+1, h, h.complete())
		}
	}
	h := read(dir)
	if !h.complete() || len(h.versions) != 2 || h.versions[0].version != "0.1.0" || h.versions[1].version != "0.2.0" {
		t.Fatalf("found %+v, want a complete history with 0.1.0 and 0.2.0", h)
	}
	show := exec.CommandContext(t.Context(), "git", "show", h.versions[0].commit+":"+folder+"/Chart.yaml")
	show.Dir = dir
	if out, err := show.Output(); err != nil || !bytes.Contains(out, []byte("commit 1")) {
		t.Errorf("of 0.1.0 that is found: %s, %v; want what its last commit had", out, err)
	}
	clone := t.TempDir()
	git("clone", "--quiet", "--depth=1", "file://"+dir, clone)
	if h := read(clone); !h.shallow || h.complete() || len(h.versions) != 0 {
		t.Errorf("in a shallow clone: %+v", h)
	}
}
