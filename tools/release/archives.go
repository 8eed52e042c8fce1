package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// archivePlatforms are those of which people get an archive. On Windows callfold has
// never been tried.
var archivePlatforms = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64"}

// chartDir is where the chart is, which is packed as well.
const chartDir = "charts/callfold"

// archives writes an archive for each platform, the chart, and SHA256SUMS over all to
// the directory out, and returns SHA256SUMS.
func archives(ctx context.Context, dir, out string, platforms []string) (string, error) {
	source, err := look(ctx, dir)
	if err != nil {
		return "", err
	}
	if err := os.RemoveAll(out); err != nil {
		return "", err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return "", err
	}
	beside, err := besideProgram(ctx, dir)
	if err != nil {
		return "", err
	}
	var sums strings.Builder
	write := func(name string, entries []entry) error {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		if err := errors.Join(pack(z, entries, source.time), z.Close()); err != nil {
			return fmt.Errorf("packing %s: %w", name, err)
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(packed.Bytes()), name)
		return os.WriteFile(filepath.Join(out, name), packed.Bytes(), 0o644)
	}
	for _, platform := range platforms {
		program, err := compile(ctx, dir, platform)
		if err != nil {
			return "", fmt.Errorf("building for %s: %w", platform, err)
		}
		folder := "callfold_" + source.version + "_" + strings.Replace(platform, "/", "_", 1)
		entries := []entry{{name: folder + "/callfold", mode: 0o755, content: program}}
		for _, e := range beside {
			e.name = folder + "/" + e.name
			entries = append(entries, e)
		}
		if err := write(folder+".tar.gz", entries); err != nil {
			return "", err
		}
	}
	chart, version, err := chart(ctx, dir, source)
	if err != nil {
		return "", fmt.Errorf("packing the chart: %w", err)
	}
	if len(chart) > 0 {
		if err := write("callfold-chart-"+version+".tgz", chart); err != nil {
			return "", err
		}
	}
	return sums.String(), os.WriteFile(filepath.Join(out, "SHA256SUMS"), []byte(sums.String()), 0o644)
}

// besideProgram is what an archive has besides the program.
func besideProgram(ctx context.Context, dir string) ([]entry, error) {
	var entries []entry
	for _, name := range []string{"CHANGELOG.md", "LICENSE", "README.md"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry{name: name, mode: 0o644, content: content})
	}
	// Shells look for completions under these names.
	for _, of := range []struct{ shell, name string }{{"bash", "callfold.bash"}, {"fish", "callfold.fish"}, {"zsh", "_callfold"}} {
		cmd := exec.CommandContext(ctx, "go", "run", "./cmd/callfold", "completion", of.shell)
		cmd.Dir, cmd.Stderr = dir, os.Stderr
		content, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("making the completions for %s: %w", of.shell, err)
		}
		entries = append(entries, entry{name: "completions/" + of.name, mode: 0o644, content: content})
	}
	return entries, nil
}

// compile builds the program for a platform, as ko builds it for the image.
func compile(ctx context.Context, dir, platform string) ([]byte, error) {
	temp, err := os.MkdirTemp("", "callfold-release-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(temp) }()
	file := filepath.Join(temp, "callfold")
	goos, goarch, _ := strings.Cut(platform, "/")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=true", "-o", file, "./cmd/callfold")
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch)
	if err := cmd.Run(); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
}

// chart is the chart as `helm package` makes it, with its version; nothing where there
// is none.
func chart(ctx context.Context, dir string, source source) ([]entry, string, error) {
	about, err := os.ReadFile(filepath.Join(dir, chartDir, "Chart.yaml"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	version, app := member(about, "version"), member(about, "appVersion")
	if version == "" {
		return nil, "", errors.New("no version in Chart.yaml")
	}
	// The chart asks for the image of that tag.
	if tag, ok := strings.CutPrefix(source.version, "v"); ok && released.MatchString(tag) && app != tag {
		return nil, "", fmt.Errorf("appVersion is %q in Chart.yaml, and this is %s: raise it to %s", app, source.version, tag)
	}
	listed, err := git(ctx, dir, "ls-files", chartDir)
	if err != nil {
		return nil, "", err
	}
	patterns, err := os.ReadFile(filepath.Join(dir, chartDir, ".helmignore"))
	if err != nil {
		return nil, "", err
	}
	var entries []entry
	for file := range strings.FieldsSeq(listed) {
		name := strings.TrimPrefix(file, chartDir+"/")
		if name == ".helmignore" || ignored(string(patterns), name) {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(file)))
		if err != nil {
			return nil, "", err
		}
		entries = append(entries, entry{name: path.Join("callfold", name), mode: 0o644, content: content})
	}
	return entries, version, nil
}

// released is a version without anything behind it.
var released = regexp.MustCompile(`^\d+\.\d+\.\d+$`)

// member is a top-level text of a YAML file; empty where there is none.
func member(file []byte, key string) string {
	found := regexp.MustCompile(`(?m)^` + key + `: *"?([0-9A-Za-z.+-]+)"? *$`).FindSubmatch(file)
	if found == nil {
		return ""
	}
	return string(found[1])
}

// ignored tells whether a .helmignore leaves a file out: by a folder, /NAME/, or by a
// pattern for its name.
func ignored(patterns, name string) bool {
	for pattern := range strings.Lines(patterns) {
		pattern = strings.TrimSpace(pattern)
		if pattern == "" || strings.HasPrefix(pattern, "#") {
			continue
		}
		if folder := strings.TrimPrefix(pattern, "/"); strings.HasSuffix(folder, "/") && strings.HasPrefix(name, folder) {
			return true
		}
		if matched, err := path.Match(pattern, path.Base(name)); err == nil && matched {
			return true
		}
	}
	return false
}
