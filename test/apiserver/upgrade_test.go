package apiserver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// minimal are the least values that an operator must give.
func minimal(chart string) string {
	return "--values=" + filepath.Join(chart, "ci", "minimal-values.yaml")
}

// corrected are what an operator has to set with an upgrade from a version of the
// chart, since the present one refuses what that took: by the file of its values.
var corrected = map[string]map[string][]string{
	"0.2.0": {"ci-deployment": {"--set=settings.sink.lanes=1"}},
}

// TestUpgradeFromEarlierVersions upgrades from each version of the chart in the
// history of the repository to the present one: with each file of values that
// the former one was tried with, as an operator has one of his own; with values
// that change at the same time; and with a larger volume. Each time it goes back,
// too. Where the history is cut off, or is that of a copy, nothing of that is
// tested, which is told as that. Where it is complete a version is missing in it.
func TestUpgradeFromEarlierVersions(t *testing.T) {
	h, err := historyOf(t.Context(), root)
	check(t, err)
	const mend = "git fetch --unshallow brings the history, and with it the earlier versions of the chart"
	switch {
	case len(h.versions) == 0 && h.complete():
		t.Fatalf("%d commits have changed the chart, and all have the present version: raise it in Chart.yaml (CONTRIBUTING.md, \"When changing the chart\")", h.commits)
	case len(h.versions) == 0 && h.shallow:
		t.Skip("NOT TESTED, THIS CLONE IS SHALLOW: " + mend)
	case len(h.versions) == 0:
		t.Skip("NOT TESTED, THIS REPOSITORY HAS NO HISTORY: it knows no version of the chart but the present one")
	case h.shallow:
		t.Log("NOT ALL TESTED, THIS CLONE IS SHALLOW: " + mend)
	}
	for i, e := range h.versions {
		t.Run(e.version, func(t *testing.T) {
			t.Parallel()
			former, name := e.checkout(t), "from-"+strings.ReplaceAll(e.version, ".", "-")+"-"
			for _, file := range valuesFiles(t, former) {
				t.Run(namespaceOf(file), func(t *testing.T) {
					t.Parallel()
					shared.namespace(t, name+namespaceOf(file)).upgradesFrom(former, file, corrected[e.version][namespaceOf(file)])
				})
			}
			if i < len(h.versions)-1 {
				return // from older ones the rest is tried no more: it is what is tried least
			}
			for _, c := range changes {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					shared.namespace(t, name+c.name).changes(former, c)
				})
			}
			t.Run("larger-volume", func(t *testing.T) {
				t.Parallel()
				shared.namespace(t, name+"larger-volume").enlarges(former)
			})
		})
	}
}

// upgradesFrom installs the former chart with a file of its values, upgrades with
// the same values and what has to be corrected, goes back, and upgrades without
// naming the values again.
func (n *namespace) upgradesFrom(former, file string, corrected []string) {
	n.Helper()
	values := "--values=" + file
	present := append([]string{values}, corrected...)
	n.provide(former, values)
	n.provide(chart, present...)
	n.install(former, values)
	n.upgrade(chart, present...)
	n.holds(chart, present...)
	n.rollback("1")
	n.holds(former, values)
	n.upgrade(chart, append([]string{"--reuse-values"}, corrected...)...)
	n.holds(chart, present...)
}

// change is something that an operator may want of a release that is there.
type change struct {
	name   string
	values []string // for --set
	// pods are how many of a component run afterwards; before there are two of
	// ingest, processor and sink each.
	pods map[string]int
	// replaces names the components whose Pods are replaced.
	replaces []string
}

var stages = []string{"ingest", "processor", "sink"}

var changes = []change{
	{name: "more-pods", values: []string{"ingest.replicas=3", "processor.replicas=4", "sink.replicas=3"}, pods: map[string]int{"ingest": 3, "processor": 4, "sink": 3}},
	{name: "fewer-pods", values: []string{"ingest.replicas=1", "processor.replicas=1", "sink.replicas=1"}, pods: map[string]int{"ingest": 1, "processor": 1, "sink": 1}},
	{name: "image", values: []string{"image.tag=9.9.9"}, replaces: stages},
	{name: "resources", values: []string{"processor.resources.limits.memory=2Gi"}, replaces: []string{"processor"}},
	{name: "settings", values: []string{"settings.log.level=debug"}, replaces: stages},
	{name: "labels", values: []string{"commonLabels.team=telephony", "sink.podLabels.tier=back"}, replaces: stages},
	{name: "scheduling", values: []string{"processor.tolerations[0].operator=Exists", "processor.priorityClassName=high"}, replaces: []string{"processor"}},
	{name: "no-journal", values: []string{"ingest.journal.enabled=false"}, replaces: stages},
	{name: "scaled-by-load", values: []string{"ingest.autoscaling.enabled=true", "processor.autoscaling.enabled=true", "sink.autoscaling.enabled=true"}},
	{name: "service-account", values: []string{"serviceAccount.create=false"}, replaces: stages},
	{name: "authorities", values: []string{"trustedCAs.existingConfigMap=corporate-cas"}, replaces: stages},
	{name: "everything-on", values: []string{
		"podMonitor.enabled=true", "prometheusRule.enabled=true", "dashboards.enabled=true", "doctor.afterInstall=true",
		"ingress.enabled=true", "ingress.host=calls.example.com", "gateway.enabled=true", "gateway.parentRefs[0].name=public",
		"backfill.enabled=true", "secrets.aircallAPI.existingSecret=aircall-api", "settings.aircall.api_id=1", "canary.enabled=true",
	}, pods: map[string]int{"backfill": 1, "canary": 1}, replaces: stages},
	{name: "everything-off", values: []string{
		"networkPolicy.enabled=false", "ingest.podDisruptionBudget.enabled=false", "processor.podDisruptionBudget.enabled=false",
		"sink.podDisruptionBudget.enabled=false", "setup.enabled=false",
	}},
}

// TestChange makes each of these changes.
func TestChange(t *testing.T) {
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			shared.namespace(t, "change-"+c.name).changes(chart, c)
		})
	}
}

// changes installs a chart with little, upgrades to the present one with other
// values, and rolls back. Each time the release is what the chart says. Only those
// Pods are replaced that must be; where the chart is another as well, all may be.
func (n *namespace) changes(from string, c change) {
	n.Helper()
	values := []string{minimal(from)}
	for _, value := range c.values {
		values = append(values, "--set="+value)
	}
	n.provide(from, minimal(from))
	n.provide(chart, values...)
	n.install(from, minimal(from))
	n.holds(from, minimal(from))
	n.runAll(nil)
	before := n.podIDs()

	n.upgrade(chart, values...)
	n.holds(chart, values...)
	n.runAll(c.pods)
	after := n.podIDs()
	for _, stage := range stages {
		kept := slices.ContainsFunc(before[stage], func(id string) bool { return slices.Contains(after[stage], id) })
		if replaced := slices.Contains(c.replaces, stage); replaced == kept && (replaced || from == chart) {
			n.Errorf("of the Pods of %s some were kept: %v, want %v", stage, kept, !replaced)
		}
	}

	n.rollback("1")
	n.holds(from, minimal(from))
	n.runAll(map[string]int{"backfill": 0, "canary": 0})
}

// scaledByLoad are minimal values with autoscalers.
func scaledByLoad() []string {
	values := []string{minimal(chart)}
	for _, stage := range stages {
		values = append(values, "--set="+stage+".autoscaling.enabled=true")
	}
	return values
}

// scale sets the number of all stages, as one does that counts.
func (n *namespace) scale(pods int) map[string]int {
	n.Helper()
	all := map[string]int{}
	for _, stage := range stages {
		n.kubectl("scale", "statefulset", "callfold-"+stage, fmt.Sprintf("--replicas=%d", pods))
		all[stage] = pods
	}
	n.runAll(all)
	return all
}

// TestAutoscalers: the number that an autoscaler has chosen stays through
// upgrades, until it is switched off. A rollback sets that of the revision.
func TestAutoscalers(t *testing.T) {
	t.Parallel()
	t.Run("switched on", func(t *testing.T) {
		t.Parallel()
		n := shared.namespace(t, "autoscalers")
		scaled := scaledByLoad()
		n.provide(chart, scaled...)
		n.install(chart, minimal(chart))
		n.upgrade(chart, scaled...)
		n.runAll(nil)
		four := n.scale(4)
		n.upgrade(chart, append(scaled, "--set=settings.log.level=debug")...)
		n.runAll(four)
		n.rollback("2")
		n.runAll(nil)
		n.rollback("3")
		n.runAll(four)
		n.upgrade(chart, minimal(chart))
		n.runAll(nil)
	})
	t.Run("from the start", func(t *testing.T) {
		t.Parallel()
		n := shared.namespace(t, "autoscalers-first")
		scaled := scaledByLoad()
		n.provide(chart, scaled...)
		n.install(chart, scaled...)
		n.runAll(nil)
		four := n.scale(4)
		n.upgrade(chart, append(scaled, "--set=settings.log.level=debug")...)
		n.runAll(four)
		n.rollback("1")
		n.runAll(nil)
	})
}

// TestRestart: what the README tells to do after a change of a Secret replaces
// every Pod that has one.
func TestRestart(t *testing.T) {
	t.Parallel()
	n := shared.namespace(t, "restart")
	values := []string{minimal(chart), "--set=canary.enabled=true"}
	n.provide(chart, values...)
	n.install(chart, values...)
	all := map[string]int{"canary": 1}
	n.runAll(all)
	before := n.podIDs()
	n.kubectl("rollout", "restart", "statefulset,deployment", "--selector=app.kubernetes.io/instance="+release)
	n.until("every Pod is another", func(context.Context) error {
		after := n.podIDs()
		for _, component := range append([]string{"canary"}, stages...) {
			for _, id := range before[component] {
				if slices.Contains(after[component], id) {
					return fmt.Errorf("one of %s is not", component)
				}
			}
		}
		return nil
	})
	n.runAll(all)
}

// runAll waits until as many Pods run as is said; without a word two of each stage.
func (n *namespace) runAll(said map[string]int) {
	n.Helper()
	want := map[string]int{"ingest": 2, "processor": 2, "sink": 2}
	maps.Copy(want, said)
	for component, pods := range want {
		n.runs(component, pods)
	}
}

// podIDs are those of the Pods of a release, by component.
func (n *namespace) podIDs() map[string][]string {
	n.Helper()
	pods, err := n.client.CoreV1().Pods(n.name).List(n.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/instance=" + release})
	check(n.T, err)
	all := map[string][]string{}
	for _, pod := range pods.Items {
		component := pod.Labels["app.kubernetes.io/component"]
		all[component] = append(all[component], string(pod.UID))
	}
	return all
}

// holds compares the objects of helm's in the namespace with what the chart
// renders with these values.
func (n *namespace) holds(chart string, values ...string) {
	n.Helper()
	want, mayBe := map[string]bool{}, map[string]bool{}
	for _, o := range n.render(chart, values...) {
		object := n.nameOf(o)
		if _, hook := o.GetAnnotations()["helm.sh/hook"]; hook {
			mayBe[object] = true
		} else {
			want[object] = true
		}
	}
	n.until("the release is what the chart renders", func(context.Context) error {
		var wrong []string
		found := map[string]bool{}
		for _, object := range n.objects("app.kubernetes.io/managed-by=Helm") {
			found[object] = true
			if !want[object] && !mayBe[object] {
				wrong = append(wrong, object+" is too much")
			}
		}
		for object := range want {
			if !found[object] {
				wrong = append(wrong, object+" is missing")
			}
		}
		if len(wrong) > 0 {
			slices.Sort(wrong)
			return errors.New(strings.Join(wrong, ", "))
		}
		return nil
	})
}
