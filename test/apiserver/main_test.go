package apiserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// patience bounds everything that is waited for. Nothing takes that long when
// all is well.
const patience = 10 * time.Minute

// helmPatience has helm wait as long.
var helmPatience = "--timeout=" + patience.String()

// root is that of the repository, chart the folder of the chart in it.
var (
	root  = mustAbs("../..")
	chart = filepath.Join(root, "charts", "callfold")
)

// version is that of Kubernetes in tools/kube-apiserver/go.mod. A build by the
// go command does not know it by itself.
const version = "v1.34.4"

// The programs that the tests run.
var programs struct{ etcd, apiserver, controllers, kubectl, helm string }

// shared is the cluster of all tests that need the custom resources of others,
// each of which has a namespace of its own.
var shared *cluster

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if err := findPrograms(); err != nil {
		return 1, err
	}
	dir, err := os.MkdirTemp("", "callfold-apiserver-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	begin := time.Now()
	shared, err = startCluster(ctx, dir)
	if err != nil {
		return 1, err
	}
	defer shared.close()
	if err := shared.installCRDs(ctx); err != nil {
		return 1, err
	}
	fmt.Printf("Kubernetes %s with the custom resources of %s is there after %.1f s\n", version, strings.Join(crdSources(), ", "), time.Since(begin).Seconds())
	return m.Run(), nil
}

// findPrograms builds what is to be built into bin, and looks for the rest. The
// go command leaves a program there alone that is as it would be built.
func findPrograms() (err error) {
	if programs.etcd, err = exec.LookPath("etcd"); err != nil {
		return errors.New("etcd is missing: apt-get install etcd-server, brew install etcd")
	}
	begin := time.Now()
	bin := filepath.Join(root, "bin") + string(filepath.Separator)
	const commands, of = "k8s.io/kubernetes/cmd/", "-X k8s.io/component-base/version."
	part := strings.Split(strings.TrimPrefix(version, "v"), ".")
	flags := fmt.Sprintf("-s -w %sgitVersion=%s %sgitMajor=%s %sgitMinor=%s", of, version, of, part[0], of, part[1])
	if err := build("kube-apiserver", bin, flags, commands+"kube-apiserver", commands+"kube-controller-manager", commands+"kubectl"); err != nil {
		return err
	}
	if err := build("helm", bin, "-s -w", "helm.sh/helm/v3/cmd/helm"); err != nil {
		return err
	}
	programs.apiserver, programs.controllers, programs.kubectl, programs.helm = bin+"kube-apiserver", bin+"kube-controller-manager", bin+"kubectl", bin+"helm"
	fmt.Printf("Kubernetes and helm are built after %.0f s\n", time.Since(begin).Seconds())
	return nil
}

// build has the go command build pinned tools.
func build(module, to, flags string, packages ...string) error {
	cmd := exec.Command("go", append([]string{"build", "-modfile=" + filepath.Join("tools", module, "go.mod"), "-ldflags=" + flags, "-o", to}, packages...)...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", strings.Join(packages, " "), err, out)
	}
	return nil
}

func mustAbs(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		panic(err)
	}
	return abs
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits until the condition gives no error.
func eventually(ctx context.Context, what string, condition func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := condition(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("waiting until %s: %w", what, err)
		}
		time.Sleep(50 * time.Millisecond) // polling
	}
}
