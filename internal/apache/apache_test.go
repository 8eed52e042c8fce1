package apache

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestJavaVersion(t *testing.T) {
	for out, want := range map[string]int{
		`openjdk version "17.0.15" 2025-04-15`: 17, `java version "1.8.0_402"`: 8, `openjdk version "21" 2023-09-19`: 21,
	} {
		if got, err := javaVersion(out); got != want || err != nil {
			t.Errorf("%s: %d, %v", out, got, err)
		}
	}
	if _, err := javaVersion("The operation couldn't be completed. Unable to locate a Java Runtime."); err == nil {
		t.Error("no java was taken for one")
	}
}

// program puts an executable into a directory that becomes the whole PATH.
func program(t *testing.T, name, script string) {
	t.Helper()
	dir := t.TempDir()
	if name != "" {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
}

// TestMissingPrograms: each is named, with what installs it.
func TestMissingPrograms(t *testing.T) {
	program(t, "", "")
	if err := Check(t.Context()); !errors.Is(err, ErrNoJava) {
		t.Errorf("without java: %v", err)
	}
	if err := Install(t.Context(), t.TempDir()); !errors.Is(err, ErrNoMaven) {
		t.Errorf("without mvn: %v", err)
	}
	program(t, "java", `echo 'openjdk version "11.0.2"' >&2`)
	if err := Check(t.Context()); !errors.Is(err, ErrNoJava) || !strings.Contains(err.Error(), "version 11") {
		t.Errorf("with Java 11: %v", err)
	}
}

func TestPortTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	err = checkFree(t.Context(), []int{taken.Addr().(*net.TCPAddr).Port})
	if !errors.Is(err, ErrPortTaken) || !strings.Contains(fmt.Sprint(err), taken.Addr().String()) {
		t.Errorf("got %v", err)
	}
}

// TestPorts: clients find the nodes where the documentation says, and no port is
// given twice.
func TestPorts(t *testing.T) {
	o := Options{Dir: t.TempDir(), Jars: t.TempDir(), Nodes: 3, Port: 19092, Listeners: []Listener{{Name: "A"}, {Name: "B"}}}
	if err := o.complete(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := []int{o.clientPort(1), o.clientPort(2), o.clientPort(3)}; !slices.Equal(got, []int{19092, 19094, 19096}) {
		t.Errorf("clients are to connect to %v", got)
	}
	ports := o.ports()
	slices.Sort(ports)
	if n := len(ports); n != 15 || len(slices.Compact(ports)) != n {
		t.Errorf("%v", ports)
	}
}

// TestRealNode needs Java and Maven: a node is killed and comes back with its
// topics, one that cannot start says why.
func TestRealNode(t *testing.T) {
	if os.Getenv("BROKER") == "" {
		t.Skip("needs Java and Maven: make test-kafka runs it")
	}
	dir := t.TempDir()
	cluster, err := Start(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	if nodes, err := Running(dir); err != nil || len(nodes) != 1 {
		t.Errorf("running: %v, %v", nodes, err)
	}
	if err := cluster.Kill(1); err != nil {
		t.Fatal(err)
	}
	if nodes, err := Running(dir); err != nil || len(nodes) != 0 {
		t.Errorf("running after a kill: %v, %v", nodes, err)
	}
	if err := cluster.StartNode(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if err := cluster.Stop(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	broken := Options{Dir: t.TempDir(), Config: map[string]string{"log.retention.check.interval.ms": "0"}}
	if other, err := Start(t.Context(), broken); err == nil {
		other.Close()
		t.Error("a node with a setting that cannot be started")
	} else if !strings.Contains(err.Error(), "log.retention.check.interval.ms") {
		t.Errorf("the error does not say what is wrong: %v", err)
	}
}
