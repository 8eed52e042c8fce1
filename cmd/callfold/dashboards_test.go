package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/callfold/callfold/internal/dashboards"
)

// told is a command in a description.
var told = regexp.MustCompile("`callfold ([a-z -]+)`")

// The commands that the dashboards tell people to run are there, with their flags.
func TestDashboardsTellOfCommandsThatExist(t *testing.T) {
	found := 0
	for _, d := range dashboards.All() {
		for _, row := range d.Rows {
			for _, p := range row.Panels {
				for _, m := range told.FindAllStringSubmatch(p.Description+p.Markdown, -1) {
					found++
					checkCommand(t, d.Name+", "+p.Title, m[1])
				}
			}
		}
	}
	if found == 0 {
		t.Error("no dashboard tells of a command")
	}
}

// checkCommand finds a command by its line.
func checkCommand(t *testing.T, where, line string) {
	command, left, err := newRootCommand(func() {}).Find(strings.Fields(line))
	if err != nil || !command.HasParent() || command.HasSubCommands() {
		t.Errorf("%s: there is no command callfold %s: %v", where, line, err)
		return
	}
	for _, word := range left {
		name, flag := strings.CutPrefix(word, "--")
		if flag && command.Flags().Lookup(name) == nil {
			t.Errorf("%s: %s has no flag %s", where, command.CommandPath(), word)
		}
	}
}
