package apiserver

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"

	"sigs.k8s.io/yaml"
)

// crds are the definitions of other people's resources that the chart can make.
// They are read from the modules that publish them; the sum says that a module
// is the one that was looked at.
var crds = []struct {
	module, version, sum, folder string
	files                        []string
}{
	{
		"github.com/kedacore/keda/v2", "v2.21.0", "h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps=", "config/crd/bases",
		[]string{"keda.sh_scaledobjects.yaml", "keda.sh_triggerauthentications.yaml", "keda.sh_clustertriggerauthentications.yaml"},
	},
	{
		"github.com/prometheus-operator/prometheus-operator", "v0.85.0", "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=", "example/prometheus-operator-crd",
		[]string{"monitoring.coreos.com_servicemonitors.yaml", "monitoring.coreos.com_podmonitors.yaml", "monitoring.coreos.com_prometheusrules.yaml"},
	},
	{
		"sigs.k8s.io/gateway-api", "v1.4.1", "h1:NPxFutNkKNa8UfLd2CMlEuhIPMQgDQ6DXNKG9sHbJU8=", "config/crd/standard",
		[]string{"gateway.networking.k8s.io_gatewayclasses.yaml", "gateway.networking.k8s.io_gateways.yaml", "gateway.networking.k8s.io_httproutes.yaml"},
	},
}

func crdSources() (all []string) {
	for _, from := range crds {
		all = append(all, from.module+" "+from.version)
	}
	return all
}

// installCRDs installs them, and returns when they can be used.
func (c *cluster) installCRDs(ctx context.Context) error {
	args := []string{"apply", "--server-side"}
	for _, from := range crds {
		dir, err := download(ctx, from.module, from.version, from.sum)
		if err != nil {
			return err
		}
		for _, file := range from.files {
			args = append(args, "--filename="+filepath.Join(dir, from.folder, file))
		}
	}
	if _, err := c.kubectl(ctx, "", args...); err != nil {
		return fmt.Errorf("installing custom resource definitions: %w", err)
	}
	if _, err := c.kubectl(ctx, "", "wait", "crd", "--all", "--for=condition=Established", "--timeout="+patience.String()); err != nil {
		return err
	}
	return c.learnKinds()
}

// download brings a module into the cache of the go command, which checks it,
// and tells where it is.
func download(ctx context.Context, module, version, sum string) (dir string, err error) {
	var got struct{ Dir, Sum, Error string }
	for range 4 { // registries have bad minutes
		// The answer is on standard output even when there is an error.
		var out []byte
		out, err = exec.CommandContext(ctx, "go", "mod", "download", "-json", module+"@"+version).Output()
		if err = errors.Join(yaml.Unmarshal(out, &got), err); err == nil && got.Error == "" {
			break
		}
	}
	if err != nil || got.Error != "" {
		return "", fmt.Errorf("downloading %s %s: %w %s", module, version, err, got.Error)
	}
	if got.Sum != sum {
		return "", fmt.Errorf("%s %s has the checksum %s, not %s as when it was chosen", module, version, got.Sum, sum)
	}
	return got.Dir, nil
}
