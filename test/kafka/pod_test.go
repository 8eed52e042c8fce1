//go:build chart

package kafka

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.yaml.in/yaml/v3"
)

// manifest is what these tests read of an object of the chart.
type manifest struct {
	Kind     string
	Metadata struct{ Name string }
	Data     map[string]string
	Spec     struct {
		Template struct{ Spec podSpec }
	}
}

type podSpec struct {
	TerminationGracePeriodSeconds int `yaml:"terminationGracePeriodSeconds"`
	Containers                    []container
	Volumes                       []volume
}

type container struct {
	Name          string
	Command, Args []string
	Env           []struct {
		Name, Value string
		ValueFrom   any `yaml:"valueFrom"`
	}
	VolumeMounts []mount `yaml:"volumeMounts"`
	Lifecycle    struct {
		PreStop struct {
			Sleep struct{ Seconds int }
		} `yaml:"preStop"`
	}
}

type mount struct {
	Name string
	Path string `yaml:"mountPath"`
}

type volume struct {
	Name string
	// What it holds, or else it is empty at first.
	ConfigMap *source `yaml:"configMap"`
	Projected *struct {
		Sources []struct{ Secret *source }
	}
}

type source struct {
	Name  string
	Items []struct{ Key, Path string }
}

// render has helm render the chart as a release called callfold.
func (w *world) render(values string) (objects []manifest) {
	w.Helper()
	file := filepath.Join(w.dir, "values.yaml")
	check(w.T, os.WriteFile(file, []byte(values), 0o600))
	cmd := exec.Command("go", "tool", "-modfile=tools/helm/go.mod", "helm", "template", "callfold", "charts/callfold", "--kube-version=1.34.0", "--values", file)
	cmd.Dir = filepath.Join("..", "..")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		w.Fatalf("rendering the chart: %v\n%s", err, &stderr)
	}
	for documents := yaml.NewDecoder(bytes.NewReader(out)); ; {
		var m manifest
		if err := documents.Decode(&m); err != nil {
			if !errors.Is(err, io.EOF) {
				w.Fatalf("reading what the chart renders: %v", err)
			}
			return objects
		}
		objects = append(objects, m)
	}
}

// pod is one of the chart's Pods as a process of this machine. Its arguments,
// environment, settings, and how it is ended are the chart's; only its name, its
// addresses and the places of its volumes are the test's.
type pod struct {
	*stage
	webhook string // address

	spec  podSpec
	dir   string // its volumes are below, at the paths at which they are mounted
	paths *strings.Replacer
}

// newPod makes the volumes of a Pod of the workload. Secrets hold what is given,
// by the path at which it is mounted.
func (w *world) newPod(objects []manifest, workload string, ordinal int, secrets map[string]string) *pod {
	w.Helper()
	i := slices.IndexFunc(objects, func(m manifest) bool {
		return m.Metadata.Name == workload && (m.Kind == "StatefulSet" || m.Kind == "Deployment")
	})
	if i < 0 {
		w.Fatalf("the chart has no workload %s", workload)
	}
	name := fmt.Sprintf("%s-%d", workload, ordinal)
	p := &pod{
		spec: objects[i].Spec.Template.Spec, dir: filepath.Join(w.dir, name), webhook: freeAddress(w),
		stage: &stage{w: w, name: name, admin: freeAddress(w)},
	}
	var places []string
	content := map[string]map[string]string{} // by volume
	for _, v := range p.spec.Volumes {
		content[v.Name] = w.contentOf(v, objects, secrets)
	}
	mounts := p.spec.Containers[0].VolumeMounts
	// The longest first: one may be below another.
	slices.SortFunc(mounts, func(a, b mount) int { return len(b.Path) - len(a.Path) })
	for _, m := range mounts {
		places = append(places, m.Path, filepath.Join(p.dir, m.Path))
	}
	p.paths = strings.NewReplacer(places...)
	for _, m := range mounts {
		at := filepath.Join(p.dir, m.Path)
		check(w.T, os.MkdirAll(at, 0o700))
		for file, text := range content[m.Name] {
			check(w.T, os.WriteFile(filepath.Join(at, file), []byte(p.paths.Replace(text)), 0o600))
		}
	}
	return p
}

// contentOf are the files that a volume holds from the start.
func (w *world) contentOf(v volume, objects []manifest, secrets map[string]string) map[string]string {
	w.Helper()
	files := map[string]string{}
	switch {
	case v.ConfigMap != nil:
		for _, m := range objects {
			if m.Kind == "ConfigMap" && m.Metadata.Name == v.ConfigMap.Name {
				for _, item := range v.ConfigMap.Items {
					files[item.Path] = m.Data[item.Key]
				}
			}
		}
	case v.Projected != nil:
		for _, s := range v.Projected.Sources {
			for _, item := range s.Secret.Items {
				text, ok := secrets[item.Path]
				if !ok {
					w.Fatalf("nobody knows what secret is to be at %s", item.Path)
				}
				files[item.Path] = text
			}
		}
	}
	return files
}

// begin runs the container of the Pod, on the volumes that it has.
func (p *pod) begin() {
	p.w.Helper()
	c := p.spec.Containers[0]
	var args []string
	for _, arg := range c.Args {
		args = append(args, p.paths.Replace(arg))
	}
	p.process = exec.Command(binary, args...)
	p.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // for kubelet ends all processes of a container
	p.process.Env = []string{
		"CALLFOLD_KAFKA_INSTANCE=" + p.name, // the host name of a Pod
		"CALLFOLD_ADMIN_LISTEN=" + p.admin, "CALLFOLD_INGEST_LISTEN=" + p.webhook,
	}
	for _, env := range c.Env {
		if env.ValueFrom != nil {
			p.w.Fatalf("nobody knows the value of %s", env.Name)
		}
		p.process.Env = append(p.process.Env, env.Name+"="+p.paths.Replace(env.Value))
	}
	p.launch()
}

// notice is how long what leads to a Pod goes on sending to it after it was
// told to end: the news go from the API server over each node's proxy, or over
// the controller of a load balancer.
const notice = 3 * time.Second

// terminate ends the Pod as kubelet does: after its preStop pause all of its
// processes get SIGTERM, and SIGKILL at the end of the grace period, which
// counts from the beginning. It must not come to that. out, which may be nil, is
// called when the news that the Pod ends have come to what leads to it.
func (p *pod) terminate(out func()) {
	p.w.Helper()
	begin := time.Now()
	var news sync.WaitGroup
	if out != nil {
		news.Go(func() {
			time.Sleep(notice) // polling: the delay itself
			out()
		})
		defer news.Wait()
	}
	grace := time.Duration(p.spec.TerminationGracePeriodSeconds) * time.Second
	pause := time.Duration(p.spec.Containers[0].Lifecycle.PreStop.Sleep.Seconds) * time.Second
	time.Sleep(pause) // polling: the pause itself
	p.signal(syscall.SIGTERM)
	sent := time.Now()
	select {
	case <-p.done:
	case <-time.After(grace - time.Since(begin)):
		p.signal(syscall.SIGKILL)
		p.w.Errorf("%s did not end within its grace period of %s", p.name, grace)
		<-p.done
	}
	if p.err != nil {
		p.w.Errorf("%s ended with %v", p.name, p.err)
	}
	p.w.Logf("%s ended %.1f s after SIGTERM and a preStop pause of %s; its grace period is %s", p.name, time.Since(sent).Seconds(), pause, grace)
}

// signal sends a signal to every process of the Pod.
func (p *pod) signal(s syscall.Signal) {
	p.w.Helper()
	if err := syscall.Kill(-p.process.Process.Pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		p.w.Errorf("sending %s to %s: %v", s, p.name, err)
	}
}
