package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// TestArchives makes the archive of this machine from two clones: the checksums are the
// same, and right, and what is unpacked works.
func TestArchives(t *testing.T) {
	platform := runtime.GOOS + "/" + runtime.GOARCH
	var all [2]string
	out := t.TempDir()
	for i := range all {
		clone := filepath.Join(t.TempDir(), fmt.Sprint("clone", i))
		// Without tags it is no release, for which the chart of the test would be of another version.
		if printed, err := exec.CommandContext(t.Context(), "git", "clone", "--quiet", "--no-tags", built.clone, clone).CombinedOutput(); err != nil {
			t.Fatalf("cloning: %v\n%s", err, printed)
		}
		writeChart(t, clone)
		var err error
		if all[i], err = archives(t.Context(), clone, out, []string{platform}); err != nil {
			t.Fatal(err)
		}
	}
	if all[0] != all[1] || string(read(t, filepath.Join(out, "SHA256SUMS"))) != all[1] {
		t.Errorf("the checksums are\n%s and from another clone\n%s", all[0], all[1])
	}

	lines := strings.Split(strings.TrimSpace(all[0]), "\n")
	if len(lines) != 2 {
		t.Fatalf("archives: %q", lines)
	}
	files := make([]map[string][]byte, len(lines))
	for i, line := range lines {
		sum, name, _ := strings.Cut(line, "  ")
		content := read(t, filepath.Join(out, name))
		if fmt.Sprintf("%x", sha256.Sum256(content)) != sum {
			t.Errorf("%s has another checksum than SHA256SUMS says", name)
		}
		files[i] = unzip(t, content)
	}

	_, name, _ := strings.Cut(lines[0], "  ")
	folder := strings.TrimSuffix(name, ".tar.gz") + "/"
	for _, want := range []string{"LICENSE", "README.md", "CHANGELOG.md", "completions/_callfold", "completions/callfold.bash", "completions/callfold.fish"} {
		if len(files[0][folder+want]) == 0 {
			t.Errorf("%s has no %s", name, want)
		}
	}
	program := filepath.Join(t.TempDir(), "callfold")
	if err := os.WriteFile(program, files[0][folder+"callfold"], 0o755); err != nil {
		t.Fatal(err)
	}
	revision, err := git(t.Context(), built.clone, "rev-parse", "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	if printed, err := exec.CommandContext(t.Context(), program, "version").CombinedOutput(); err != nil || !strings.Contains(string(printed), "commit "+revision) {
		t.Errorf("version prints %s; %v", printed, err)
	}

	if !strings.HasSuffix(lines[1], "  callfold-chart-"+chartTestVersion+".tgz") || len(files[1]["callfold/Chart.yaml"]) == 0 {
		t.Errorf("the chart: %s", lines[1])
	}
	for name := range files[1] {
		if strings.HasPrefix(name, "callfold/ci/") || strings.HasSuffix(name, ".gotmpl") || strings.HasSuffix(name, ".helmignore") {
			t.Errorf("the chart has %s", name)
		}
	}
}

// TestChartOfAnotherVersion: a release whose chart would ask for the image of another is
// not made.
func TestChartOfAnotherVersion(t *testing.T) {
	clone := t.TempDir()
	if printed, err := exec.CommandContext(t.Context(), "git", "init", "--quiet", clone).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, printed)
	}
	writeChart(t, clone)
	for version, works := range map[string]bool{"v0.1.0": true, "v0.1.0-3-gabcdef0": true, "abcdef0": true, "v0.2.0": false} {
		entries, _, err := chart(t.Context(), clone, source{version: version})
		if works && (err != nil || len(entries) != 2) || !works && (err == nil || !strings.Contains(err.Error(), "raise it to 0.2.0")) {
			t.Errorf("%s: %d files, %v", version, len(entries), err)
		}
	}
}

// TestWorktree: what would not know its version is not made.
func TestWorktree(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".git"), []byte("gitdir: /elsewhere\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := archives(t.Context(), dir, t.TempDir(), archivePlatforms); err == nil || !strings.Contains(err.Error(), "is not the root of a git clone") {
		t.Errorf("got %v", err)
	}
}

// chartTestVersion is the version of the chart that writeChart writes.
const chartTestVersion = "0.0.1-test"

// writeChart gives a clone a chart, of which git knows; the one that is there it
// replaces.
func writeChart(t *testing.T, clone string) {
	t.Helper()
	for name, content := range map[string]string{
		"Chart.yaml":  "apiVersion: v2\nname: callfold\nversion: " + chartTestVersion + "\nappVersion: 0.1.0\n",
		"values.yaml": "{}\n", "ci/test-values.yaml": "{}\n", "README.md.gotmpl": "x\n", ".helmignore": "# what stays behind\n/ci/\n*.gotmpl\n",
	} {
		file := filepath.Join(clone, chartDir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if printed, err := exec.CommandContext(t.Context(), "git", "-C", clone, "add", chartDir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, printed)
	}
}

// unzip is what an archive holds, by name, in the order of which nothing is asked.
func unzip(t *testing.T, archive []byte) map[string][]byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	var names []string
	for r := tar.NewReader(z); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, header.Name)
		if files[header.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	if len(names) != len(slices.Compact(slices.Sorted(slices.Values(names)))) {
		t.Errorf("a file is there twice: %q", names)
	}
	return files
}
