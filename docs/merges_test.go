package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// conflict is a line with which Git marks what a merge left to a person.
var conflict = regexp.MustCompile(`(?m)^(<<<<<<<|>>>>>>>) `)

// TestNoMergeIsHalfDone looks for the marks of a merge in all files that people write:
// most of them no compiler reads.
func TestNoMergeIsHalfDone(t *testing.T) {
	if !conflict.MatchString("a\n<<<<<<< HEAD\nb\n") {
		t.Fatal("a mark is not recognized")
	}
	read := 0
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{".git", ".callfold", ".kafka", "bin", "node_modules", "venv"}, entry.Name()):
			return filepath.SkipDir
		case !entry.Type().IsRegular() || entry.Name() == "callfold":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		read++
		if mark := conflict.FindIndex(text); mark != nil {
			t.Errorf("%s: a merge is half done at byte %d", path, mark[0])
		}
		return nil
	})
	if err != nil || read == 0 {
		t.Errorf("%d files read, err = %v", read, err)
	}
}
