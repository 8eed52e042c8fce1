package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// source is what is released, as git knows it.
type source struct {
	// version is the tag, or the newest tag with the commit, or the commit alone.
	version, revision string
	// time is the one that everything made has: SOURCE_DATE_EPOCH, or that of the commit.
	time time.Time
}

// look asks git about a repository.
func look(ctx context.Context, dir string) (source, error) {
	// Go says nothing when it finds no repository, and then the program knows no version.
	if info, err := os.Stat(filepath.Join(dir, ".git")); err != nil || !info.IsDir() {
		return source{}, fmt.Errorf("%s is not the root of a git clone (a worktree, or sources without git): Go does not put version and commit into the program there; clone it", dir)
	}
	commit, err := git(ctx, dir, "log", "-1", "--format=%ct")
	if err != nil {
		return source{}, err
	}
	seconds, err := strconv.ParseInt(cmp.Or(os.Getenv("SOURCE_DATE_EPOCH"), commit), 10, 64)
	if err != nil {
		return source{}, fmt.Errorf("reading SOURCE_DATE_EPOCH: %w", err)
	}
	s := source{time: time.Unix(seconds, 0).UTC()}
	if s.revision, err = git(ctx, dir, "rev-parse", "HEAD"); err != nil {
		return source{}, err
	}
	s.version, err = git(ctx, dir, "describe", "--tags", "--always", "--dirty")
	return s, err
}

// git runs git in the repository and returns what it prints.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
	}
	if err != nil {
		return "", fmt.Errorf("asking git about %s, which must be a clone: %w", dir, err)
	}
	return strings.TrimSpace(string(out)), nil
}
