package chart

import (
	"bufio"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"helm.sh/helm/v3/pkg/chartutil"
)

// object is one rendered object.
type object struct {
	template string
	raw      map[string]any
	kind     string
	meta     metav1.ObjectMeta
	typed    runtime.Object // nil for KEDA's, which are checked by their definitions
}

// strict decodes by the types of Kubernetes, Prometheus' operator and the Gateway API;
// a field that none of them knows, or that comes twice, is an error.
func strict(t testing.TB) runtime.Decoder {
	t.Helper()
	known := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, monitoringv1.AddToScheme, gatewayv1.Install} {
		if err := add(known); err != nil {
			t.Fatal(err)
		}
	}
	return serializer.NewCodecFactory(known, serializer.EnableStrict).UniversalDeserializer()
}

// objectsOf decodes what the values render to.
func objectsOf(t testing.TB, values chartutil.Values) []object {
	t.Helper()
	return decode(t, mustRender(t, values))
}

func decode(t testing.TB, texts map[string]string) []object {
	t.Helper()
	decoder := strict(t)
	var all []object
	for _, template := range slices.Sorted(maps.Keys(texts)) {
		if template == "NOTES.txt" {
			continue
		}
		for _, document := range documents(t, texts[template]) {
			o := object{template: template}
			if err := yaml.UnmarshalStrict(document, &o.raw); err != nil {
				t.Fatalf("%s: %v\n%s", template, err, document)
			}
			var head struct {
				metav1.TypeMeta `json:",inline"`
				Metadata        metav1.ObjectMeta `json:"metadata"`
			}
			if err := yaml.Unmarshal(document, &head); err != nil {
				t.Fatalf("%s: %v\n%s", template, err, document)
			}
			o.kind, o.meta = head.Kind, head.Metadata
			if strings.HasPrefix(head.APIVersion, "keda.sh/") {
				validateKEDA(t, o)
			} else {
				typed, _, err := decoder.Decode(document, nil, nil)
				if err != nil {
					t.Fatalf("%s: %v\n%s", template, err, document)
				}
				o.typed = typed
			}
			all = append(all, o)
		}
	}
	return all
}

// documents splits a text where YAML does, and leaves out what holds nothing.
func documents(t testing.TB, text string) [][]byte {
	t.Helper()
	var all [][]byte
	reader := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		var value any
		if err := yaml.Unmarshal(document, &value); err != nil {
			t.Fatalf("%v\n%s", err, document)
		}
		if value != nil {
			all = append(all, document)
		}
	}
}

func (o object) String() string { return o.kind + " " + o.meta.Name }

// component is the label that tells what an object is for.
func (o object) component() string { return o.meta.Labels["app.kubernetes.io/component"] }

// ofType are the objects of a type of Kubernetes', with what they are.
func ofType[T runtime.Object](objects []object) []T {
	var found []T
	for _, o := range objects {
		if typed, ok := o.typed.(T); ok {
			found = append(found, typed)
		}
	}
	return found
}

// pod is a pod that one of the objects is or makes.
type pod struct {
	owner    object
	meta     metav1.ObjectMeta
	spec     corev1.PodSpec
	selector *metav1.LabelSelector // of the owner, if it has one
	claims   []corev1.PersistentVolumeClaim
}

// runs tells whether the pod runs for ever.
func (p pod) runs() bool { return p.owner.kind == "Deployment" || p.owner.kind == "StatefulSet" }

func podsOf(objects []object) []pod {
	var pods []pod
	for _, o := range objects {
		p := pod{owner: o}
		switch of := o.typed.(type) {
		case *appsv1.Deployment:
			p.meta, p.spec, p.selector = of.Spec.Template.ObjectMeta, of.Spec.Template.Spec, of.Spec.Selector
		case *appsv1.StatefulSet:
			p.meta, p.spec, p.selector, p.claims = of.Spec.Template.ObjectMeta, of.Spec.Template.Spec, of.Spec.Selector, of.Spec.VolumeClaimTemplates
		case *batchv1.Job:
			p.meta, p.spec = of.Spec.Template.ObjectMeta, of.Spec.Template.Spec
		case *corev1.Pod:
			p.meta, p.spec = of.ObjectMeta, of.Spec
		default:
			continue
		}
		pods = append(pods, p)
	}
	return pods
}

// containers are all of a pod.
func (p pod) containers() []corev1.Container {
	return slices.Concat(p.spec.InitContainers, p.spec.Containers)
}
