//go:build upgrade

package upgrade

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// present and next are the paths of the two programs.
var present, next string

// TestMain builds the two versions once.
func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		log.Fatal(err)
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "callfold-upgrade-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	present, next = filepath.Join(dir, "present"), filepath.Join(dir, "next")
	overlay, err := overlayOf("next.patch", dir)
	if err != nil {
		return 0, err
	}
	if err := errors.Join(build(present), build(next, "-overlay", overlay)); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

func build(to string, flags ...string) error {
	args := append(append([]string{"build"}, flags...), "-o", to, "./cmd/callfold")
	cmd := exec.Command("go", args...)
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// overlayOf writes the patched files into dir and gives the file for go build
// -overlay that puts them in place of the originals.
func overlayOf(patch, dir string) (string, error) {
	text, err := os.ReadFile(patch)
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for i, part := range strings.Split(string(text), "\n--- a/")[1:] {
		name, hunks, _ := strings.Cut(part, "\n")
		original, err := filepath.Abs(filepath.Join("..", "..", name))
		if err != nil {
			return "", err
		}
		content, err := os.ReadFile(original)
		if err != nil {
			return "", err
		}
		patched := string(content)
		for _, hunk := range strings.Split(hunks, "@@\n")[1:] {
			old, fresh := sides(hunk)
			if strings.Count(patched, old) != 1 {
				return "", fmt.Errorf("%s does not fit any more: %s has %d times\n%s", patch, name, strings.Count(patched, old), old)
			}
			patched = strings.Replace(patched, old, fresh, 1)
		}
		to := filepath.Join(dir, fmt.Sprintf("%d.go", i))
		if err := os.WriteFile(to, []byte(patched), 0o600); err != nil {
			return "", err
		}
		replace[original] = to
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, overlay, 0o600)
}

// sides are what a hunk takes out and what it puts in place.
func sides(hunk string) (old, fresh string) {
	for line := range strings.Lines(hunk) {
		if text, ok := strings.CutPrefix(line, "-"); ok {
			old += text
		} else if text, ok := strings.CutPrefix(line, "+"); ok {
			fresh += text
		}
	}
	return strings.TrimSuffix(old, "\n"), strings.TrimSuffix(fresh, "\n")
}
