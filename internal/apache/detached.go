package apache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"
)

// Running are the process ids of the nodes that run on the clusters' data below
// dir, by directory of the node: in dir itself, and one level below, as `make
// kafka` keeps them. A node holds a lock on its data, and the system knows whose
// it is, so no file with process ids can be out of date.
func Running(dir string) (map[string]int, error) {
	locks, err := filepath.Glob(filepath.Join(dir, "*", "node-*", "data", ".lock"))
	if err != nil {
		return nil, err
	}
	more, err := filepath.Glob(filepath.Join(dir, "node-*", "data", ".lock"))
	if err != nil {
		return nil, err
	}
	nodes := map[string]int{}
	for _, lock := range append(locks, more...) {
		pid, err := holder(lock)
		if err != nil {
			return nil, fmt.Errorf("asking who holds %s: %w", lock, err)
		}
		if pid != 0 {
			nodes[filepath.Dir(filepath.Dir(lock))] = pid
		}
	}
	return nodes, nil
}

// holder is the process that holds a lock on the file, 0 for none.
func holder(file string) (int, error) {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lock := syscall.Flock_t{Type: syscall.F_WRLCK}
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_GETLK, &lock); err != nil {
		return 0, err
	}
	if lock.Type == syscall.F_UNLCK {
		return 0, nil
	}
	return int(lock.Pid), nil
}

// Down ends the detached nodes whose data are below dir: in order, and when ctx
// ends by SIGKILL. It returns how many there were.
func Down(ctx context.Context, dir string) (int, error) {
	nodes, err := Running(dir)
	if err != nil {
		return 0, err
	}
	if err := signal(nodes, syscall.SIGTERM); err != nil {
		return len(nodes), err
	}
	for {
		gone, err := allGone(ctx, nodes)
		switch {
		case gone:
			return len(nodes), nil
		case ctx.Err() != nil:
			return len(nodes), signal(nodes, syscall.SIGKILL)
		case err != nil:
			return len(nodes), err
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// allGone says whether the nodes' ports are free. A node gives up its lock first
// and its controller's port last. Nobody may have reaped its process yet.
func allGone(ctx context.Context, nodes map[string]int) (bool, error) {
	for dir := range nodes {
		content, err := os.ReadFile(filepath.Join(dir, "server.properties"))
		if err != nil {
			return false, fmt.Errorf("reading where a Kafka node listens: %w", err)
		}
		listeners := regexp.MustCompile(`(?m)^listeners=(.*)$`).Find(content)
		var ports []int
		for _, match := range regexp.MustCompile(regexp.QuoteMeta(host)+`:(\d+)`).FindAllSubmatch(listeners, -1) {
			port, err := strconv.Atoi(string(match[1]))
			if err != nil {
				return false, fmt.Errorf("reading where a Kafka node listens: %w", err)
			}
			ports = append(ports, port)
		}
		if checkFree(ctx, ports) != nil {
			return false, nil
		}
	}
	return true, nil
}

func signal(nodes map[string]int, s syscall.Signal) error {
	for dir, pid := range nodes {
		if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("ending the Kafka node of %s: %w", dir, err)
		}
	}
	return nil
}
