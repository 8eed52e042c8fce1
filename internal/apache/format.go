package apache

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

func (o *Options) nodeDir(node int) string { return filepath.Join(o.Dir, "node-"+strconv.Itoa(node)) }

// java is a command that runs a class of the jars.
func (o *Options) java(ctx context.Context, heap, class string, args ...string) *exec.Cmd {
	args = append([]string{"-Xmx" + heap, "-cp", filepath.Join(libraries(o.Jars), "*"), class}, args...)
	return exec.CommandContext(ctx, "java", args...)
}

// write puts the files of the cluster and of its nodes in place. They follow the
// options anew at each start.
func (o *Options) write() error {
	for node := 1; node <= o.Nodes; node++ {
		if err := os.MkdirAll(o.nodeDir(node), 0o755); err != nil {
			return fmt.Errorf("making the directory of a Kafka node: %w", err)
		}
		files := map[string][]byte{"server.properties": render(o.properties(node)), "log4j2.properties": log4j}
		for name, content := range files {
			if err := os.WriteFile(filepath.Join(o.nodeDir(node), name), content, 0o600); err != nil {
				return fmt.Errorf("writing the settings of a Kafka node: %w", err)
			}
		}
	}
	if o.Certificates == nil {
		return nil
	}
	return errors.Join(
		os.WriteFile(filepath.Join(o.Dir, "ca.pem"), o.Certificates.CA, 0o600),
		os.WriteFile(filepath.Join(o.Dir, "server.pem"), append(o.Certificates.ServerKey, o.Certificates.Server...), 0o600),
	)
}

// format makes the data directories of a new cluster; those of an old one stay.
func (o *Options) format(ctx context.Context) error {
	id, err := o.clusterID()
	if err != nil {
		return err
	}
	for node := 1; node <= o.Nodes; node++ {
		if _, err := os.Stat(filepath.Join(o.nodeDir(node), "data", "meta.properties")); err == nil {
			continue
		}
		args := []string{"format", "--cluster-id=" + id, "--config", filepath.Join(o.nodeDir(node), "server.properties")}
		for feature, level := range o.Features {
			args = append(args, "--feature", feature+"="+level)
		}
		for name, password := range o.Users {
			for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
				args = append(args, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%s]", mechanism, name, password))
			}
		}
		out, err := o.java(ctx, "256m", "kafka.tools.StorageTool", args...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("formatting the data directory of Kafka node %d: %w: %s", node, err, strings.TrimSpace(string(out)))
		}
	}
	return nil
}

// clusterID is the id in Dir; a new one is made where there is none.
func (o *Options) clusterID() (string, error) {
	file := filepath.Join(o.Dir, "cluster-id")
	id, err := os.ReadFile(file)
	if err == nil {
		return string(id), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("reading the id of the Kafka cluster: %w", err)
	}
	var raw [16]byte
	rand.Read(raw[:])
	id = []byte(base64.RawURLEncoding.EncodeToString(raw[:]))
	if err := os.WriteFile(file, id, 0o644); err != nil {
		return "", fmt.Errorf("writing the id of the Kafka cluster: %w", err)
	}
	return string(id), nil
}
