package sfsink

import (
	"testing"

	"github.com/callfold/callfold/internal/dashboards"
)

// The dashboards say for every class of errors, and every reason of a pause, what to do.
func TestEveryClassHasAMendOnTheDashboards(t *testing.T) {
	classes := pauseReasons()
	for _, c := range bySeverity {
		classes = append(classes, string(c))
	}
	for _, class := range classes {
		if dashboards.Mend(class) == "" {
			t.Errorf("the dashboards say nothing of %s: add it to internal/dashboards/mends.go", class)
		}
	}
	if dashboards.Mend("no such class") != "" {
		t.Error("the dashboards know what to do about a class that there is not")
	}
}
