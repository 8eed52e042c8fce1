package apiserver

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// valuesFiles are those that a chart is tried with, and its examples.
func valuesFiles(t *testing.T, chart string) (files []string) {
	t.Helper()
	for _, pattern := range []string{"ci/*-values.yaml", "examples/*.yaml"} {
		found, err := filepath.Glob(filepath.Join(chart, pattern))
		check(t, err)
		if len(found) == 0 {
			t.Fatalf("%s has no %s", chart, pattern)
		}
		files = append(files, found...)
	}
	return files
}

// namespaceOf makes a name for a namespace of a file's.
func namespaceOf(file string) string {
	name, _, _ := strings.Cut(filepath.Base(file), ".")
	return filepath.Base(filepath.Dir(file)) + "-" + strings.TrimSuffix(name, "-values")
}

// TestInstall installs the chart with each file of values, hooks and all; waits
// for its Pods; has `helm test` run; upgrades to the same; and uninstalls it.
// What stays then is the volumes, on purpose, and nothing else.
func TestInstall(t *testing.T) {
	for _, file := range valuesFiles(t, chart) {
		t.Run(namespaceOf(file), func(t *testing.T) {
			t.Parallel()
			n := shared.namespace(t, "install-"+namespaceOf(file))
			n.provide(chart, "--values="+file)
			before := n.objects("")
			n.install(chart, "--values="+file)
			rendered := n.render(chart, "--values="+file)
			n.dryRun(rendered)
			n.helm("test", release)
			revisions := n.revisions()
			n.upgrade(chart, "--values="+file)
			if again := n.revisions(); !slices.Equal(again, revisions) {
				t.Errorf("an upgrade to the same replaced Pods: %v, before %v", again, revisions)
			}
			n.helm("uninstall", release, "--wait")
			for _, o := range rendered {
				if strings.Contains(o.GetAnnotations()["helm.sh/hook"], "test") {
					before = append(before, n.nameOf(o)) // helm keeps it, for its log
				}
			}
			n.leaves(before)
		})
	}
}

// leaves waits until nothing is there but what was there before, and the
// volumes of StatefulSets.
func (n *namespace) leaves(before []string) {
	n.Helper()
	n.until("everything is gone but the volumes", func(context.Context) error {
		var left []string
		for _, object := range n.objects("") {
			if !slices.Contains(before, object) && !strings.HasPrefix(object, "persistentvolumeclaims/") {
				left = append(left, object)
			}
		}
		if len(left) > 0 {
			return fmt.Errorf("these are left: %s", strings.Join(left, ", "))
		}
		return nil
	})
}

// revisions of the workloads: a new one means new Pods.
func (n *namespace) revisions() (all []string) {
	n.Helper()
	sets, err := n.client.AppsV1().StatefulSets(n.name).List(n.Context(), metav1.ListOptions{})
	check(n.T, err)
	for _, set := range sets.Items {
		all = append(all, set.Name+" "+set.Status.UpdateRevision)
	}
	replicas, err := n.client.AppsV1().ReplicaSets(n.name).List(n.Context(), metav1.ListOptions{})
	check(n.T, err)
	for _, set := range replicas.Items {
		all = append(all, set.Name)
	}
	slices.Sort(all)
	return all
}

// dryRun has the API server judge every object as if it were made anew, and a
// Pod of every template. A field that it does not know is an error, and so is
// what the Pod Security Standard forbids.
func (n *namespace) dryRun(objects []*unstructured.Unstructured) {
	n.Helper()
	strict := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict}
	for _, o := range objects {
		mapping := n.mapping(o)
		if mapping.Scope.Name() != "namespace" {
			n.Errorf("%s %s is not in the namespace: nobody but an administrator of the cluster can make it", o.GetKind(), o.GetName())
			continue
		}
		o = o.DeepCopy()
		o.SetName("x-" + o.GetName()) // the name itself is taken
		if _, err := n.dynamic.Resource(mapping.Resource).Namespace(n.name).Create(n.Context(), o, strict); err != nil {
			n.Errorf("%s %s: %v", o.GetKind(), o.GetName(), err)
		}
	}
	for _, pod := range podsOf(n.T, objects) {
		pod.Name = "x-" + pod.Name
		if _, err := n.client.CoreV1().Pods(n.name).Create(n.Context(), pod, strict); err != nil {
			n.Errorf("a Pod of %s: %v", pod.Name, err)
		}
	}
}
