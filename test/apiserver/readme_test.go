package apiserver

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// block is a piece of code in a Markdown file.
type block struct{ section, language, code string }

var fence = regexp.MustCompile("(?ms)^(## .*?)$|^```(\\w*)\n(.*?)^```$")

// blocks of a Markdown file, each with the heading that it is under.
func blocks(markdown string) (all []block) {
	section := ""
	for _, found := range fence.FindAllStringSubmatch(markdown, -1) {
		if found[1] != "" {
			section = strings.TrimPrefix(found[1], "## ")
		} else {
			all = append(all, block{section, found[2], found[3]})
		}
	}
	return all
}

// TestReadme does what the chart's README tells a new user to do, command by
// command, on a cluster of its own that nothing else was installed in, and says
// how long that takes. What needs a node is left out: logs and commands in Pods.
func TestReadme(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := startCluster(ctx, t.TempDir())
	check(t, err)
	t.Cleanup(c.close)
	content, err := os.ReadFile(filepath.Join(chart, "README.md"))
	check(t, err)

	// The folder in which the user works, with what the README says is at hand.
	dir := t.TempDir()
	check(t, os.Symlink(filepath.Join(root, "charts"), filepath.Join(dir, "charts")))
	for file, of := range map[string]string{"salesforce.pem": "accounts.key", "kafka-ca.pem": "ca.crt", "corporate-ca.pem": "ca.crt", "client.pem": "admin.crt", "client.key": "admin.key"} {
		secret, err := os.ReadFile(c.file(of))
		check(t, err)
		check(t, os.WriteFile(filepath.Join(dir, file), secret, 0o600))
	}
	mine := strings.NewReplacer("YOUR-HOST", "calls.example.com", "YOUR-TLS-SECRET", "calls-example-com",
		" --logs", "", // of a Pod, which kubelets have
	)
	user := &namespace{T: t, cluster: c, name: "telephony"}
	begin, commands := time.Now(), 0
	for _, b := range blocks(string(content)) {
		switch {
		case b.language == "yaml" && b.section == "Install":
			check(t, os.WriteFile(filepath.Join(dir, "callfold-values.yaml"), []byte(mine.Replace(b.code)), 0o600))
		case b.language == "sh":
			if b.section == "Did it work?" {
				for _, stage := range stages {
					user.runs(stage, 2)
				}
			}
			var script strings.Builder
			for line := range strings.Lines(b.code) {
				if !strings.Contains(line, " exec ") {
					script.WriteString(mine.Replace(line))
				}
			}
			cmd := exec.CommandContext(t.Context(), "bash", "-e", "-o", "pipefail", "-x", "-c", script.String())
			cmd.Dir, cmd.Env = dir, append(c.environment(), "PATH="+filepath.Join(root, "bin")+string(filepath.ListSeparator)+os.Getenv("PATH"))
			out, err := cmd.CombinedOutput()
			t.Logf("%s, after %.1f s:\n%s", b.section, time.Since(begin).Seconds(), out)
			if err != nil {
				t.Fatalf("the README's commands under %q: %v\n%s", b.section, err, c.kubelet.stuck("telephony"))
			}
			commands++
		}
	}
	for _, want := range []string{"Install", "Did it work?", "Upgrade", "Uninstall"} {
		if !strings.Contains(string(content), "## "+want) {
			t.Errorf("the README has no section %q: this test looks for commands under it", want)
		}
	}
	t.Logf("%d blocks of commands took %.1f s, the cluster's start not counted", commands, time.Since(begin).Seconds())
}
