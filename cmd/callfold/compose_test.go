package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// TestCompose runs what docs/compose/compose.yaml would run, as far as that goes without
// containers: each command of callfold is one, with flags that it has, and finds the
// settings that it needs in the file that is mounted and in its environment.
func TestCompose(t *testing.T) {
	const dir = "../../docs/compose"
	content, err := os.ReadFile(filepath.Join(dir, "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct {
			Image       string            `yaml:"image"`
			Command     []string          `yaml:"command"`
			Environment map[string]string `yaml:"environment"`
		} `yaml:"services"`
	}
	if err := yaml.Unmarshal(content, &file); err != nil {
		t.Fatal(err)
	}
	stages := map[string]string{"topics": "topics", "ingest": "ingest", "process": "process", "sink": "sink"}
	ran := 0
	for name, service := range file.Services {
		if len(service.Command) == 0 {
			continue
		}
		ran++
		t.Run(name, func(t *testing.T) {
			cmd, args, err := newRootCommand(func() {}).Find(service.Command)
			if err != nil || !cmd.Runnable() {
				t.Fatalf("%q is no command: %v", service.Command, err)
			}
			if err := cmd.ParseFlags(args); err != nil {
				t.Fatalf("%q: %v", service.Command, err)
			}
			if rest := cmd.Flags().Args(); len(rest) > 0 {
				t.Errorf("%q: nobody needs %q", service.Command, rest)
			}
			cmd.Flags().VisitAll(func(f *pflag.Flag) {
				if needed := f.Annotations["cobra_annotation_bash_completion_one_required_flag"]; slices.Contains(needed, "true") && !f.Changed {
					t.Errorf("%q: --%s is needed", service.Command, f.Name)
				}
			})
			stage, ok := stages[service.Command[0]]
			if !ok {
				return
			}
			if cmd.Flag("config").Value.String() != "/etc/callfold/settings.yaml" {
				t.Errorf("%q: the settings are mounted at /etc/callfold/settings.yaml", service.Command)
			}
			for key, value := range service.Environment {
				t.Setenv(key, value)
			}
			var out bytes.Buffer
			if code := execute(t.Context(), []string{"config", "check", "--config", filepath.Join(dir, "settings.yaml"), "--for", stage}, nil, &out, &out); code != 0 {
				t.Errorf("%s", out.String())
			}
		})
	}
	if ran < 6 {
		t.Errorf("only %d services of callfold", ran)
	}
}
