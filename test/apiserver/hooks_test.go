package apiserver

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestWrongSettings: when `callfold config check` refuses the settings, with its
// exit code 2, the installation ends at once, without another attempt, and
// nothing of the release is made. With right settings the same command installs
// it. An upgrade that is refused leaves everything as it is. What hooks left is
// away after what the README tells to do.
func TestWrongSettings(t *testing.T) {
	t.Parallel()
	n := shared.namespace(t, "wrong-settings")
	right := []string{"upgrade", "--install", release, chart, "--wait", "--wait-for-jobs", helmPatience, minimal(chart)}
	wrong := append(slices.Clone(right), "--set-string=setup.podAnnotations."+strings.ReplaceAll(exitCode, ".", `\.`)+"=2", "--set=settings.log.level=debug")
	n.provide(chart, minimal(chart))
	before := n.objects("")
	refused := func(says string) {
		t.Helper()
		if _, err := n.tryHelm(wrong...); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "job callfold-config-check failed: PodFailurePolicy") {
			t.Errorf("wrong settings: %v, want %s", err, says)
		}
	}

	refused("failed pre-install")
	made := slices.DeleteFunc(n.objects(""), func(object string) bool {
		return slices.Contains(before, object) || strings.HasPrefix(object, "secrets/sh.helm.release.")
	})
	if want := []string{"jobs.batch/callfold-config-check"}; !slices.Equal(made, want) {
		t.Errorf("wrong settings made %v, want %v", made, want)
	}
	if pods := n.podIDs()["setup"]; len(pods) != 1 {
		t.Errorf("the settings were checked %d times, want once", len(pods))
	}

	n.helm(right...)
	n.holds(chart, minimal(chart))
	n.runAll(nil)
	running := n.podIDs()
	delete(running, "setup") // of which one is going

	refused("pre-upgrade hooks failed")
	n.holds(chart, minimal(chart))
	after := n.podIDs()
	delete(after, "setup")
	same := func(a, b []string) bool {
		return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
	}
	if !maps.EqualFunc(running, after, same) {
		t.Errorf("wrong settings replaced Pods: %v, before %v", after, running)
	}

	n.helm("uninstall", release, "--wait")
	n.kubectl("delete", "pod,job,configmap,networkpolicy", "--selector=app.kubernetes.io/instance="+release)
	n.leaves(before)
}
