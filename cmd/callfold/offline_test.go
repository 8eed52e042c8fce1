package main

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// runQuietly executes a command line and gives its stdout, which must be all it says.
func runQuietly(t *testing.T, stdin io.Reader, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := execute(t.Context(), args, stdin, &stdout, &stderr); code != exitDone || stderr.Len() > 0 {
		t.Fatalf("callfold %s: code %d, %s", strings.Join(args, " "), code, stderr.String())
	}
	return stdout.String()
}

// TestOfflineTheOrderDoesNotMatter folds and projects the fixtures in many
// orders, over files and standard input, with any of them repeated.
func TestOfflineTheOrderDoesNotMatter(t *testing.T) {
	files, err := filepath.Glob("testdata/bodies/*.json")
	if err != nil || len(files) != 11 {
		t.Fatalf("%d fixtures, %v", len(files), err)
	}
	for _, command := range []string{"fold", "project"} {
		want := runQuietly(t, nil, append([]string{command}, files...)...)
		if n := strings.Count(want, "\n"); n != 2 {
			t.Fatalf("%s prints %d lines, want 2", command, n)
		}
		rng := rand.New(rand.NewPCG(1, 2))
		for range 60 {
			mixed := slices.Clone(files)
			for range rng.IntN(10) {
				mixed = append(mixed, files[rng.IntN(len(files))])
			}
			rng.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
			inFiles := rng.IntN(len(mixed) + 1)
			var stdin bytes.Buffer
			for _, path := range mixed[inFiles:] {
				body, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				stdin.Write(body)
			}
			args := append(append([]string{command}, mixed[:inFiles]...), "-")
			if got := runQuietly(t, &stdin, args...); got != want {
				t.Fatalf("%s of %v, with the last %d on standard input:\ngot  %s\nwant %s", command, mixed, len(mixed)-inFiles, got, want)
			}
		}
	}
}

// Ctrl-C ends the command also while it waits for standard input.
func TestFoldStopsWhileItReads(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	stdin, feed := io.Pipe()
	defer feed.Close()
	go func() {
		_, _ = feed.Write([]byte(`{"id":812,"direction":"inbound","started_at":1767261600}` + "\n")) // it has begun
		cancel()
	}()
	var stdout, stderr bytes.Buffer
	code := execute(ctx, []string{"fold", "-"}, stdin, &stdout, &stderr)
	if code != exitFailed || stdout.Len() > 0 || stderr.String() != "callfold: stopped by a signal before it was done\n" {
		t.Errorf("code %d, printed %q, said %q", code, stdout.String(), stderr.String())
	}
}
