package apiserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// kubelet stands in for scheduler and kubelets, and for who provides volumes. As they do, it leaves a Pod
// alone until every Secret, ConfigMap and volume claim that it names is there;
// then it says that it runs and is ready, or, of one that is not to be started
// again when it has ended, that it succeeded, or ended with the code that its
// annotation says. Nothing is run.
type kubelet struct {
	client kubernetes.Interface

	mu      sync.Mutex
	waiting map[string]string // by namespace/name of a Pod: why it does not run
}

// run goes on until ctx ends.
func (k *kubelet) run(ctx context.Context) {
	for ctx.Err() == nil {
		waiting := map[string]string{}
		// Of what cannot be asked for the next look tells more.
		if pods, err := k.client.CoreV1().Pods("").List(ctx, metav1.ListOptions{ResourceVersion: "0"}); err == nil {
			for _, pod := range pods.Items {
				if pod.Status.Phase != corev1.PodPending || pod.DeletionTimestamp != nil {
					continue
				}
				if err := k.begin(ctx, &pod); err != nil {
					waiting[pod.Namespace+"/"+pod.Name] = err.Error()
				}
			}
		}
		if claims, err := k.client.CoreV1().PersistentVolumeClaims("").List(ctx, metav1.ListOptions{ResourceVersion: "0"}); err == nil {
			for _, claim := range claims.Items {
				if claim.Status.Phase != corev1.ClaimBound {
					claim.Status.Phase = corev1.ClaimBound
					_, _ = k.client.CoreV1().PersistentVolumeClaims(claim.Namespace).UpdateStatus(ctx, &claim, metav1.UpdateOptions{}) // or at the next look
				}
			}
		}
		k.mu.Lock()
		k.waiting = waiting
		k.mu.Unlock()
		time.Sleep(50 * time.Millisecond) // polling
	}
}

// stuck tells which Pods of a namespace do not run, and why.
func (k *kubelet) stuck(namespace string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all strings.Builder
	for _, pod := range slices.Sorted(maps.Keys(k.waiting)) {
		if strings.HasPrefix(pod, namespace+"/") {
			fmt.Fprintf(&all, "Pod %s waits: %s\n", pod, k.waiting[pod])
		}
	}
	return all.String()
}

// exitCode is the annotation of a Pod whose first container ends with that code.
const exitCode = "test.example.com/exit-code"

// begin has the Pod run, if it can.
func (k *kubelet) begin(ctx context.Context, pod *corev1.Pod) error {
	if err := k.complete(ctx, pod); err != nil {
		return err
	}
	now := metav1.Now()
	pod.Status.Phase, pod.Status.StartTime = corev1.PodRunning, &now
	code, err := strconv.ParseInt(cmp.Or(pod.Annotations[exitCode], "0"), 10, 32)
	switch {
	case err != nil:
		return fmt.Errorf("reading the annotation %s: %w", exitCode, err)
	case code != 0:
		first := pod.Spec.Containers[0]
		pod.Status.Phase = corev1.PodFailed
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
			Name: first.Name, Image: first.Image,
			State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: int32(code), Reason: "Error"}},
		}}
	case pod.Spec.RestartPolicy != corev1.RestartPolicyAlways:
		pod.Status.Phase = corev1.PodSucceeded
	default:
		for _, kind := range []corev1.PodConditionType{corev1.PodScheduled, corev1.PodInitialized, corev1.ContainersReady, corev1.PodReady} {
			pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: now})
		}
	}
	_, err = k.client.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, pod, metav1.UpdateOptions{})
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil // somebody else wrote it meanwhile: the next look sees that
	}
	return err
}

// complete looks whether all that the Pod needs is there.
func (k *kubelet) complete(ctx context.Context, pod *corev1.Pod) error {
	var missing []error
	for _, n := range needsOf(&pod.Spec, false) {
		if err := k.has(ctx, pod.Namespace, n); err != nil {
			missing = append(missing, err)
		}
	}
	return errors.Join(missing...)
}

func (k *kubelet) has(ctx context.Context, namespace string, n need) error {
	var keys []string
	switch n.kind {
	case "Secret":
		secret, err := k.client.CoreV1().Secrets(namespace).Get(ctx, n.name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		keys = slices.Collect(maps.Keys(secret.Data))
	case "ConfigMap":
		config, err := k.client.CoreV1().ConfigMaps(namespace).Get(ctx, n.name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		keys = append(slices.Collect(maps.Keys(config.Data)), slices.Collect(maps.Keys(config.BinaryData))...)
	default:
		_, err := k.client.CoreV1().PersistentVolumeClaims(namespace).Get(ctx, n.name, metav1.GetOptions{})
		return err
	}
	for _, key := range n.keys {
		if !slices.Contains(keys, key) {
			return fmt.Errorf("%s %s has no key %q", n.kind, n.name, key)
		}
	}
	return nil
}

// need is something that a Pod cannot start without.
type need struct {
	kind, name string
	keys       []string
}

// needsOf lists them; what is marked optional only when that is asked for.
func needsOf(pod *corev1.PodSpec, optionalToo bool) (all []need) {
	add := func(kind, name string, optional *bool, keys ...string) {
		if optionalToo || optional == nil || !*optional {
			all = append(all, need{kind, name, keys})
		}
	}
	items := func(items []corev1.KeyToPath) (keys []string) {
		for _, item := range items {
			keys = append(keys, item.Key)
		}
		return keys
	}
	for _, v := range pod.Volumes {
		switch {
		case v.Secret != nil:
			add("Secret", v.Secret.SecretName, v.Secret.Optional, items(v.Secret.Items)...)
		case v.ConfigMap != nil:
			add("ConfigMap", v.ConfigMap.Name, v.ConfigMap.Optional, items(v.ConfigMap.Items)...)
		case v.PersistentVolumeClaim != nil:
			add("PersistentVolumeClaim", v.PersistentVolumeClaim.ClaimName, nil)
		case v.Projected != nil:
			for _, s := range v.Projected.Sources {
				if s.Secret != nil {
					add("Secret", s.Secret.Name, s.Secret.Optional, items(s.Secret.Items)...)
				}
				if s.ConfigMap != nil {
					add("ConfigMap", s.ConfigMap.Name, s.ConfigMap.Optional, items(s.ConfigMap.Items)...)
				}
			}
		}
	}
	for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
		for _, from := range c.EnvFrom {
			if from.SecretRef != nil {
				add("Secret", from.SecretRef.Name, from.SecretRef.Optional)
			}
			if from.ConfigMapRef != nil {
				add("ConfigMap", from.ConfigMapRef.Name, from.ConfigMapRef.Optional)
			}
		}
		for _, env := range c.Env {
			if env.ValueFrom == nil {
				continue
			}
			if ref := env.ValueFrom.SecretKeyRef; ref != nil {
				add("Secret", ref.Name, ref.Optional, ref.Key)
			}
			if ref := env.ValueFrom.ConfigMapKeyRef; ref != nil {
				add("ConfigMap", ref.Name, ref.Optional, ref.Key)
			}
		}
	}
	return all
}
