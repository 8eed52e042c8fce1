package compose

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v3"
)

const dir = "../../docs/compose"

// load reads the file with nothing in the environment.
func load(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(dir, "compose.yaml")}, cli.WithResolvedPaths(true))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// TestMounts wants what is mounted from the repository to be there, and every volume to
// be declared and used.
func TestMounts(t *testing.T) {
	project := load(t)
	used := map[string]bool{}
	for name, service := range project.Services {
		for _, v := range service.Volumes {
			if v.Type == types.VolumeTypeVolume {
				used[v.Source] = true
			} else if _, err := os.Stat(v.Source); err != nil || !v.ReadOnly {
				t.Errorf("%s mounts %s, read-only: %t; %v", name, v.Source, v.ReadOnly, err)
			}
		}
	}
	for name := range project.Volumes {
		if !used[name] {
			t.Errorf("nobody uses the volume %s", name)
		}
	}
}

// TestImages wants every image to be pinned, and that of Kafka to be the version that the
// tests run on.
func TestImages(t *testing.T) {
	pom, err := os.ReadFile("../../internal/apache/pom.xml")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`<kafka\.version>(.+)</kafka\.version>`).FindSubmatch(pom)
	if version == nil {
		t.Fatal("internal/apache/pom.xml names no version")
	}
	pinned := regexp.MustCompile(`^[a-z/]+:v?\d+\.\d+\.\d+$`)
	for name, service := range load(t).Services {
		if service.Image != "callfold:local" && !pinned.MatchString(service.Image) {
			t.Errorf("the image of %s is %s, of no fixed version", name, service.Image)
		}
		if strings.HasPrefix(service.Image, "apache/kafka:") && service.Image != "apache/kafka:"+string(version[1]) {
			t.Errorf("the image of %s is %s; the tests run on Kafka %s", name, service.Image, version[1])
		}
	}
}

// TestHardened wants callfold's containers to have as little as in the chart.
func TestHardened(t *testing.T) {
	for name, service := range load(t).Services {
		if service.Image != "callfold:local" {
			continue
		}
		if !service.ReadOnly || !slices.Contains(service.CapDrop, "ALL") || !slices.Contains(service.SecurityOpt, "no-new-privileges:true") || service.Privileged {
			t.Errorf("%s: read-only %t, drops %q, %q", name, service.ReadOnly, service.CapDrop, service.SecurityOpt)
		}
	}
	for name, service := range load(t).Services {
		for _, port := range service.Ports {
			if !net.ParseIP(port.HostIP).IsLoopback() {
				t.Errorf("%s listens on %q of the machine: nothing here has a password", name, port.HostIP)
			}
		}
	}
}

// TestPrometheus wants every target to be a service, and the rules to be mounted.
func TestPrometheus(t *testing.T) {
	project := load(t)
	var config struct {
		RuleFiles     []string `yaml:"rule_files"`
		ScrapeConfigs []struct {
			StaticConfigs []struct {
				Targets []string          `yaml:"targets"`
				Labels  map[string]string `yaml:"labels"`
			} `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	read(t, "prometheus.yaml", &config)
	targets := 0
	for _, scrape := range config.ScrapeConfigs {
		for _, static := range scrape.StaticConfigs {
			for _, target := range static.Targets {
				targets++
				host, port, err := net.SplitHostPort(target)
				if _, ok := project.Services[host]; !ok || port != "9464" || err != nil {
					t.Errorf("no service has metrics at %s; %v", target, err)
				}
			}
			if static.Labels["namespace"] == "" || static.Labels["release"] == "" {
				t.Errorf("the labels are %v; dashboards and rules ask for namespace and release", static.Labels)
			}
		}
	}
	if targets != 3 {
		t.Errorf("%d targets", targets)
	}
	for _, pattern := range config.RuleFiles {
		if files, err := filepath.Glob(filepath.Join(mounted(t, project, "prometheus", filepath.Dir(pattern)), filepath.Base(pattern))); err != nil || len(files) == 0 {
			t.Errorf("no rules are mounted for %s; %v", pattern, err)
		}
	}
}

// TestGrafana wants the data source to be the Prometheus beside it, and the dashboards to
// be mounted where they are looked for.
func TestGrafana(t *testing.T) {
	project := load(t)
	var sources struct {
		Datasources []struct {
			Type string `yaml:"type"`
			URL  string `yaml:"url"`
		} `yaml:"datasources"`
	}
	read(t, "grafana/datasources.yaml", &sources)
	if len(sources.Datasources) != 1 || sources.Datasources[0].Type != "prometheus" || sources.Datasources[0].URL != "http://prometheus:9090" {
		t.Errorf("the data sources are %+v", sources)
	}
	var dashboards struct {
		Providers []struct {
			Options struct {
				Path string `yaml:"path"`
			} `yaml:"options"`
		} `yaml:"providers"`
	}
	read(t, "grafana/dashboards.yaml", &dashboards)
	for _, p := range dashboards.Providers {
		if files, err := filepath.Glob(filepath.Join(mounted(t, project, "grafana", p.Options.Path), "*.json")); err != nil || len(files) == 0 {
			t.Errorf("no dashboards are mounted at %s; %v", p.Options.Path, err)
		}
	}
}

// mounted is what a service has at a path.
func mounted(t *testing.T, project *types.Project, service, path string) string {
	t.Helper()
	for _, v := range project.Services[service].Volumes {
		if v.Target == path {
			return v.Source
		}
	}
	t.Errorf("%s has nothing at %s", service, path)
	return ""
}

// read reads a YAML file.
func read(t *testing.T, name string, into any) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(content, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}
