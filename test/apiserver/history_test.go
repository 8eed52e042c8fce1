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

// earlierVersions finds the versions of the chart in the history of the
// checkout at dir that are not the present one, the oldest first, each as it was
// in the last commit that had it. A clone whose history is cut off is told as
// shallow; a copy that was made a repository has nothing but the present version.
func earlierVersions(ctx context.Context, dir string) (found []earlier, shallow bool, err error) {
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
		return nil, false, err
	}
	shallow = out == "true"
	content, err := os.ReadFile(filepath.Join(dir, folder, "Chart.yaml"))
	if err != nil {
		return nil, false, err
	}
	present, err := versionOf(content)
	if err != nil {
		return nil, false, err
	}
	// The newest commits come first.
	commits, err := git("log", "--format=%H", "HEAD", "--", folder)
	if err != nil {
		return nil, false, err
	}
	seen := map[string]bool{present: true}
	for commit := range strings.FieldsSeq(commits) {
		content, err := git("show", commit+":"+folder+"/Chart.yaml")
		if err != nil {
			continue // the commit took the chart away, or its history is cut off
		}
		version, err := versionOf([]byte(content))
		if err != nil {
			return nil, false, fmt.Errorf("commit %s: %w", commit, err)
		}
		if !seen[version] {
			seen[version] = true
			found = append(found, earlier{version, commit})
		}
	}
	slices.Reverse(found)
	return found, shallow, nil
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

// TestEarlierVersions looks for them in a history of the test's own.
func TestEarlierVersions(t *testing.T) {
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
	git("init", "--quiet")
	check(t, os.MkdirAll(filepath.Join(dir, folder), 0o700))
	for i, version := range []string{"0.1.0", "0.1.0", "0.2.0", "1.0.0"} {
		check(t, os.WriteFile(filepath.Join(dir, folder, "Chart.yaml"), fmt.Appendf(nil, "version: %s\ndescription: commit %d\n", version, i), 0o600))
		git("add", ".")
		git("commit", "--quiet", "--message", version)
	}
	found, shallow, err := earlierVersions(t.Context(), dir)
	check(t, err)
	if shallow || len(found) != 2 || found[0].version != "0.1.0" || found[1].version != "0.2.0" {
		t.Fatalf("found %v, shallow %v, want 0.1.0 and 0.2.0", found, shallow)
	}
	show := exec.CommandContext(t.Context(), "git", "show", found[0].commit+":"+folder+"/Chart.yaml")
	show.Dir = dir
	if out, err := show.Output(); err != nil || !bytes.Contains(out, []byte("commit 1")) {
		t.Errorf("of 0.1.0 that is found: %s, %v; want what its last commit had", out, err)
	}
	clone := t.TempDir()
	git("clone", "--quiet", "--depth=1", "file://"+dir, clone)
	if found, shallow, err := earlierVersions(t.Context(), clone); err != nil || !shallow || len(found) != 0 {
		t.Errorf("in a shallow clone: found %v, shallow %v, %v", found, shallow, err)
	}
}
