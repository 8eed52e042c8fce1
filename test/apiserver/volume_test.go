package apiserver

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestLargerVolume: Kubernetes refuses another size of volumes in a StatefulSet,
// and says so; what the chart's README tells to do then works, and no Pod is
// replaced for it.
func TestLargerVolume(t *testing.T) {
	t.Parallel()
	shared.namespace(t, "larger-volume").enlarges(chart)
}

// enlarges installs a chart, upgrades to the present one with larger volumes of
// the sink, and goes back. The Pods stay where the chart is the present one.
func (n *namespace) enlarges(from string) {
	n.Helper()
	class := n.name
	expands := true
	_, err := n.client.StorageV1().StorageClasses().Create(n.Context(), &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{Name: class}, Provisioner: "example.com/test", AllowVolumeExpansion: &expands,
	}, metav1.CreateOptions{})
	check(n.T, err)
	values := []string{minimal(from), "--set=sink.persistence.storageClass=" + class}
	n.provide(from, values...)
	n.provide(chart, values...)
	n.install(from, values...)
	n.runs("sink", 2)
	before := n.podIDs()["sink"]

	larger := append(slices.Clone(values), "--set=sink.persistence.size=20Gi")
	if _, err := n.tryHelm(append([]string{"upgrade", release, chart, "--wait", helmPatience}, larger...)...); err == nil || !strings.Contains(err.Error(), "updates to statefulset spec") {
		n.Fatalf("another size was taken: %v", err)
	}
	for pod := range 2 {
		n.kubectl("patch", "pvc", fmt.Sprintf("state-callfold-sink-%d", pod), "-p", `{"spec": {"resources": {"requests": {"storage": "20Gi"}}}}`)
	}
	n.kubectl("delete", "statefulset", "callfold-sink", "--cascade=orphan")
	n.upgrade(chart, larger...)
	n.holds(chart, larger...)
	n.runs("sink", 2)

	n.kubectl("delete", "statefulset", "callfold-sink", "--cascade=orphan")
	n.rollback("1")
	n.holds(from, values...)
	n.runs("sink", 2)
	after := n.podIDs()["sink"]
	slices.Sort(before)
	slices.Sort(after)
	if from == chart && !slices.Equal(before, after) {
		n.Errorf("the Pods of the sink were replaced: %v, before %v", after, before)
	}
}
