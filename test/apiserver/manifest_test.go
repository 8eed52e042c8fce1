package apiserver

import (
	"bytes"
	"errors"
	"io"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// render gives all that a release would make, hooks included.
func (n *namespace) render(chart string, args ...string) (objects []*unstructured.Unstructured) {
	n.Helper()
	out := n.helm(append([]string{"template", release, chart, "--kube-version=" + version}, args...)...)
	for documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader([]byte(out)), 4096); ; {
		object := &unstructured.Unstructured{}
		err := documents.Decode(object)
		switch {
		case errors.Is(err, io.EOF):
			if len(objects) == 0 {
				n.Fatalf("%s renders nothing", chart)
			}
			return objects
		case err != nil:
			n.Fatalf("reading what %s renders: %v", chart, err)
		case len(object.Object) > 0: // what is rendered from a template without content is empty
			objects = append(objects, object)
		}
	}
}

// mapping tells where the API server has objects of the kind.
func (n *namespace) mapping(o *unstructured.Unstructured) *meta.RESTMapping {
	n.Helper()
	mapping, err := n.mapper.RESTMapping(o.GroupVersionKind().GroupKind(), o.GroupVersionKind().Version)
	check(n.T, err)
	return mapping
}

// nameOf names an object as objects does.
func (n *namespace) nameOf(o *unstructured.Unstructured) string {
	n.Helper()
	return n.mapping(o).Resource.GroupResource().String() + "/" + o.GetName()
}

// podsOf gives a Pod of each template among the objects, and the Pods.
func podsOf(t *testing.T, objects []*unstructured.Unstructured) (pods []*corev1.Pod) {
	t.Helper()
	for _, o := range objects {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: o.GetName()}}
		from := func(template corev1.PodTemplateSpec) {
			pod.Labels, pod.Annotations, pod.Spec = template.Labels, template.Annotations, template.Spec
		}
		switch o.GetKind() {
		case "Pod":
			into(t, o, pod)
		case "Deployment":
			from(into(t, o, &appsv1.Deployment{}).Spec.Template)
		case "StatefulSet":
			set := into(t, o, &appsv1.StatefulSet{})
			from(set.Spec.Template)
			for _, claim := range set.Spec.VolumeClaimTemplates {
				pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: claim.Name, VolumeSource: corev1.VolumeSource{
					PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim.Name + "-" + o.GetName() + "-0"},
				}})
			}
		case "DaemonSet":
			from(into(t, o, &appsv1.DaemonSet{}).Spec.Template)
		case "Job":
			from(into(t, o, &batchv1.Job{}).Spec.Template)
		case "CronJob":
			from(into(t, o, &batchv1.CronJob{}).Spec.JobTemplate.Spec.Template)
		default:
			continue
		}
		pods = append(pods, pod)
	}
	return pods
}

// into reads an object as what it is; a field that its kind does not have is an error.
func into[T any](t *testing.T, from *unstructured.Unstructured, to *T) *T {
	t.Helper()
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(from.Object, to, true); err != nil {
		t.Fatalf("reading %s %s: %v", from.GetKind(), from.GetName(), err)
	}
	return to
}
