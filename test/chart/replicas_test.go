package chart

import (
	"strconv"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/fake"

	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
)

// cluster is one that helm asks while it renders.
type cluster struct{ client dynamic.Interface }

func clusterWith(objects ...runtime.Object) cluster {
	return cluster{fake.NewSimpleDynamicClient(runtime.NewScheme(), objects...)}
}

func (c cluster) GetClientFor(version, kind string) (dynamic.NamespaceableResourceInterface, bool, error) {
	return c.client.Resource(schema.FromAPIVersionAndKind(version, kind).GroupVersion().WithResource(strings.ToLower(kind) + "s")), true, nil
}

// there is an object in the namespace of the release.
func there(version, kind, name string, spec map[string]any) runtime.Object {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": version, "kind": kind, "metadata": map[string]any{"name": name, "namespace": "telephony"}, "spec": spec,
	}}
}

// TestScaledReplicas: where an autoscaler counts pods a workload that is there keeps its
// number, one that is not begins with the fewest, and without a cluster none is named.
func TestScaledReplicas(t *testing.T) {
	values := minimal(t, "sink: {autoscaling: {enabled: true, minReplicas: 3}}")
	namespace := there("v1", "ConfigMap", "kube-root-ca.crt", nil)
	set := func(pods int64) runtime.Object {
		return there("apps/v1", "StatefulSet", "callfold-sink", map[string]any{"replicas": pods})
	}
	for name, test := range map[string]struct {
		cluster cluster
		want    string
	}{
		"nobody can be asked":    {clusterWith(), ""},
		"it is not there yet":    {clusterWith(namespace), "3"},
		"it has grown":           {clusterWith(namespace, set(5)), "5"},
		"somebody has it paused": {clusterWith(namespace, set(0)), "0"},
	} {
		t.Run(name, func(t *testing.T) {
			c := loadChart(t)
			all, err := chartutil.ToRenderValues(c, values, chartutil.ReleaseOptions{Name: "callfold", Namespace: "telephony", IsInstall: true}, chartutil.DefaultCapabilities)
			if err != nil {
				t.Fatal(err)
			}
			texts, err := engine.RenderWithClientProvider(c, all, test.cluster)
			if err != nil {
				t.Fatal(err)
			}
			pods := map[string]string{}
			for _, o := range decode(t, map[string]string{"processor.yaml": texts["callfold/templates/processor.yaml"], "sink.yaml": texts["callfold/templates/sink.yaml"]}) {
				if set, is := o.typed.(*appsv1.StatefulSet); is && set.Spec.Replicas != nil {
					pods[set.Name] = strconv.Itoa(int(*set.Spec.Replicas))
				}
			}
			if pods["callfold-sink"] != test.want {
				t.Errorf("the sink has %q pods, want %q", pods["callfold-sink"], test.want)
			}
			if pods["callfold-processor"] != "2" {
				t.Errorf("the processor, which nobody scales, has %q pods", pods["callfold-processor"])
			}
		})
	}
}
