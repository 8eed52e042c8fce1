package apiserver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// release is what helm knows the chart as, in every namespace.
const release = "callfold"

// namespace is what one test has of a cluster.
type namespace struct {
	*testing.T
	*cluster
	name string
}

// namespace makes one that lets in nothing but what the restricted Pod Security
// Standard allows.
func (c *cluster) namespace(t *testing.T, name string) *namespace {
	t.Helper()
	const standard = "pod-security.kubernetes.io/"
	n := &namespace{T: t, cluster: c, name: name}
	_, err := c.client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name:   name,
		Labels: map[string]string{standard + "enforce": "restricted", standard + "enforce-version": "latest"},
	}}, metav1.CreateOptions{})
	check(t, err)
	n.until("the namespace has its service account, and the authority of the cluster", func(ctx context.Context) error {
		_, err := c.client.CoreV1().ServiceAccounts(name).Get(ctx, "default", metav1.GetOptions{})
		_, missing := c.client.CoreV1().ConfigMaps(name).Get(ctx, "kube-root-ca.crt", metav1.GetOptions{})
		return errors.Join(err, missing)
	})
	t.Cleanup(func() {
		if t.Failed() {
			n.explain()
		}
	})
	return n
}

// explain logs what Kubernetes has to say of a test that failed.
func (n *namespace) explain() {
	ctx := context.WithoutCancel(n.Context())
	if stuck := n.kubelet.stuck(n.name); stuck != "" {
		n.Log(stuck)
	}
	events, err := n.client.CoreV1().Events(n.name).List(ctx, metav1.ListOptions{})
	if err != nil {
		n.Logf("asking for the events of %s: %v", n.name, err)
		return
	}
	for _, e := range events.Items {
		if e.Type == corev1.EventTypeWarning {
			n.Logf("event: %s %s: %s: %s", e.InvolvedObject.Kind, e.InvolvedObject.Name, e.Reason, e.Message)
		}
	}
}

func (n *namespace) until(what string, condition func(context.Context) error) {
	n.Helper()
	check(n.T, n.eventually(n.Context(), what, condition))
}

// tryHelm is helm that may fail. It waits as long as it takes.
func (n *namespace) tryHelm(args ...string) (string, error) {
	return n.cluster.helm(n.Context(), n.name, args...)
}

func (n *namespace) helm(args ...string) string {
	n.Helper()
	out, err := n.tryHelm(args...)
	check(n.T, err)
	return out
}

// install, upgrade and rollback wait until all Pods are ready, and hooks done.
func (n *namespace) install(chart string, values ...string) {
	n.Helper()
	n.helm(append([]string{"install", release, chart, "--wait", "--wait-for-jobs", helmPatience}, values...)...)
}

func (n *namespace) upgrade(chart string, values ...string) {
	n.Helper()
	n.helm(append([]string{"upgrade", release, chart, "--wait", "--wait-for-jobs", helmPatience}, values...)...)
}

func (n *namespace) rollback(revision string) {
	n.Helper()
	n.helm("rollback", release, revision, "--wait", "--wait-for-jobs", helmPatience)
}

func (n *namespace) kubectl(args ...string) string {
	n.Helper()
	out, err := n.cluster.kubectl(n.Context(), n.name, args...)
	check(n.T, err)
	return out
}

// provide makes what the Pods of a release with these arguments want and the
// chart leaves to the operator: Secrets, ConfigMaps, a ServiceAccount, a PriorityClass.
func (n *namespace) provide(chart string, args ...string) {
	n.Helper()
	objects := n.render(chart, args...)
	made := map[string]bool{}
	for _, o := range objects {
		made[o.GetKind()+"/"+o.GetName()] = true
	}
	wanted := map[string]map[string]map[string][]byte{"Secret": {}, "ConfigMap": {}}
	for _, pod := range podsOf(n.T, objects) {
		for _, need := range needsOf(&pod.Spec, true) {
			of, ours := wanted[need.kind]
			if !ours || made[need.kind+"/"+need.name] {
				continue
			}
			if of[need.name] == nil {
				of[need.name] = map[string][]byte{}
			}
			for _, key := range need.keys {
				of[need.name][key] = []byte("of the test")
			}
		}
		if account := pod.Spec.ServiceAccountName; account != "" && !made["ServiceAccount/"+account] {
			_, err := n.client.CoreV1().ServiceAccounts(n.name).Create(n.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: account}}, metav1.CreateOptions{})
			n.checkMade(err)
		}
		if class := pod.Spec.PriorityClassName; class != "" {
			_, err := n.client.SchedulingV1().PriorityClasses().Create(n.Context(), &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: class}, Value: 1000}, metav1.CreateOptions{})
			n.checkMade(err)
		}
	}
	for name, data := range wanted["ConfigMap"] {
		_, err := n.client.CoreV1().ConfigMaps(n.name).Create(n.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, BinaryData: data}, metav1.CreateOptions{})
		n.checkMade(err)
	}
	for name, data := range wanted["Secret"] {
		_, err := n.client.CoreV1().Secrets(n.name).Create(n.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: data}, metav1.CreateOptions{})
		n.checkMade(err)
	}
}

// checkMade takes what was there already for made.
func (n *namespace) checkMade(err error) {
	n.Helper()
	if err != nil && !apierrors.IsAlreadyExists(err) {
		n.Fatal(err)
	}
}

// objects names everything in the namespace with these labels but for events.
// What belongs to another object is left out: Kubernetes makes it, and takes it away.
func (n *namespace) objects(labels string) (all []string) {
	n.Helper()
	for _, kind := range n.kinds {
		list, err := n.metadata.Resource(kind).Namespace(n.name).List(n.Context(), metav1.ListOptions{LabelSelector: labels})
		check(n.T, err)
		for _, object := range list.Items {
			if metav1.GetControllerOf(&object) == nil {
				all = append(all, kind.GroupResource().String()+"/"+object.Name)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// runs waits until so many Pods of the component run, and no other ones.
func (n *namespace) runs(component string, want int) {
	n.Helper()
	selector := "app.kubernetes.io/instance=" + release + ",app.kubernetes.io/component=" + component
	n.until(fmt.Sprintf("%d Pods of %s run", want, component), func(ctx context.Context) error {
		pods, err := n.client.CoreV1().Pods(n.name).List(ctx, metav1.ListOptions{LabelSelector: selector})
		if err != nil {
			return err
		}
		running := 0
		for _, pod := range pods.Items {
			if pod.Status.Phase == corev1.PodRunning {
				running++
			}
		}
		if running != want || len(pods.Items) != want {
			return fmt.Errorf("%d of %d do", running, len(pods.Items))
		}
		return nil
	})
}
