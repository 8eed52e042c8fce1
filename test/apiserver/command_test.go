package apiserver

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// helm runs a command of helm, as a user of the cluster does.
func (c *cluster) helm(ctx context.Context, namespace string, args ...string) (string, error) {
	return c.command(ctx, programs.helm, namespace, args...)
}

// kubectl does the same with kubectl.
func (c *cluster) kubectl(ctx context.Context, namespace string, args ...string) (string, error) {
	return c.command(ctx, programs.kubectl, namespace, args...)
}

// command gives what the program printed on standard output; an error has all of it.
func (c *cluster) command(ctx context.Context, path, namespace string, args ...string) (string, error) {
	if namespace != "" {
		args = append(args, "--namespace="+namespace)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir, cmd.Env = root, c.environment()
	var stdout, both bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&stdout, &both), &both
	if err := cmd.Run(); err != nil {
		return both.String(), fmt.Errorf("%s %s: %w\n%s", filepath.Base(path), strings.Join(args, " "), err, &both)
	}
	return stdout.String(), nil
}

// environment has helm and kubectl find the cluster, and nothing of the user's own.
func (c *cluster) environment() (env []string) {
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "HELM_") && !strings.HasPrefix(e, "KUBE") {
			env = append(env, e)
		}
	}
	return append(env, "KUBECONFIG="+c.kubeconfig, "HELM_CACHE_HOME="+c.file("helm"), "HELM_CONFIG_HOME="+c.file("helm"), "HELM_DATA_HOME="+c.file("helm"), "HOME="+c.dir)
}
