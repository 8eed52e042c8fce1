package chart

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"helm.sh/helm/v3/pkg/chartutil"
)

// TestServicesFindTheirPods wants each Service to select pods of one workload that have
// the port it sends to.
func TestServicesFindTheirPods(t *testing.T) {
	eachValues(t, func(t *testing.T, _ string, values chartutil.Values) {
		objects := objectsOf(t, values)
		services := ofType[*corev1.Service](objects)
		for _, service := range services {
			found := 0
			for _, p := range podsOf(objects) {
				if !selects(t, &metav1.LabelSelector{MatchLabels: service.Spec.Selector}, p.meta.Labels) {
					continue
				}
				found++
				for _, port := range service.Spec.Ports {
					if !hasPort(p, port.TargetPort.String()) {
						t.Errorf("%s: %s has no port %s", service.Name, p.owner, port.TargetPort.String())
					}
				}
			}
			if found != 1 {
				t.Errorf("%s selects the pods of %d workloads", service.Name, found)
			}
		}
		for _, set := range ofType[*appsv1.StatefulSet](objects) {
			if !slices.ContainsFunc(services, func(s *corev1.Service) bool {
				return s.Name == set.Spec.ServiceName && s.Spec.ClusterIP == corev1.ClusterIPNone
			}) {
				t.Errorf("%s: there is no headless Service %s", set.Name, set.Spec.ServiceName)
			}
		}
	})
}

func hasPort(p pod, name string) bool {
	return slices.ContainsFunc(p.spec.Containers, func(c corev1.Container) bool {
		return slices.ContainsFunc(c.Ports, func(port corev1.ContainerPort) bool { return port.Name == name })
	})
}

// TestBudgets wants one budget for each stage of which there are several pods.
func TestBudgets(t *testing.T) {
	eachValues(t, func(t *testing.T, _ string, values chartutil.Values) {
		objects := objectsOf(t, values)
		budgets := ofType[*policyv1.PodDisruptionBudget](objects)
		for _, p := range podsOf(objects) {
			of := slices.Collect(func(yield func(*policyv1.PodDisruptionBudget) bool) {
				for _, b := range budgets {
					if selects(t, b.Spec.Selector, p.meta.Labels) && !yield(b) {
						return
					}
				}
			})
			want := 0
			if slices.Contains([]string{"ingest", "processor", "sink"}, p.owner.component()) {
				want = 1
			}
			if len(of) != want {
				t.Errorf("%s has %d budgets, wanted %d", p.owner, len(of), want)
			}
		}
		for _, b := range budgets {
			if b.Spec.MaxUnavailable == nil || b.Spec.MaxUnavailable.IntValue() == 0 {
				t.Errorf("%s: no node could be drained", b.Name)
			}
		}
	})
}

// TestScalingFindsItsTargets wants what scales to name a workload that is there, which
// then says no number of its own, and to have sensible bounds.
func TestScalingFindsItsTargets(t *testing.T) {
	eachValues(t, func(t *testing.T, _ string, values chartutil.Values) {
		objects := objectsOf(t, values)
		scaled := map[string]bool{}
		for _, hpa := range ofType[*autoscalingv2.HorizontalPodAutoscaler](objects) {
			scaled[hpa.Spec.ScaleTargetRef.Kind+" "+hpa.Spec.ScaleTargetRef.Name] = true
			resource := hpa.Spec.Metrics[0].Resource
			if resource.Name != corev1.ResourceCPU || *resource.Target.AverageUtilization != 70 {
				t.Errorf("%s scales by %v", hpa.Name, resource)
			}
			if down := hpa.Spec.Behavior; hpa.Spec.ScaleTargetRef.Kind == "StatefulSet" &&
				(down == nil || *down.ScaleDown.SelectPolicy != autoscalingv2.DisabledPolicySelect) {
				t.Errorf("%s may take away a pod with events in its journal", hpa.Name)
			}
		}
		for _, o := range objects {
			if o.kind != "ScaledObject" {
				continue
			}
			spec := o.raw["spec"].(map[string]any)
			target := spec["scaleTargetRef"].(map[string]any)
			scaled[target["kind"].(string)+" "+target["name"].(string)] = true
			if least, most := spec["minReplicaCount"].(float64), spec["maxReplicaCount"].(float64); least < 1 || most < least || most > 24 {
				t.Errorf("%s: from %v to %v pods", o, least, most)
			}
			trigger := spec["triggers"].([]any)[0].(map[string]any)
			if ref, ok := trigger["authenticationRef"].(map[string]any); ok && !slices.ContainsFunc(objects, func(other object) bool {
				return other.String() == "TriggerAuthentication "+ref["name"].(string)
			}) {
				t.Errorf("%s signs in by %v, which is not there", o, ref["name"])
			}
		}
		for _, o := range objects {
			var replicas *int32
			switch of := o.typed.(type) {
			case *appsv1.Deployment:
				replicas = of.Spec.Replicas
			case *appsv1.StatefulSet:
				replicas = of.Spec.Replicas
			default:
				continue
			}
			if is := scaled[o.String()]; is == (replicas != nil) {
				t.Errorf("%s: scaled by another: %t; names a number of pods: %t", o, is, replicas != nil)
			}
			delete(scaled, o.String())
		}
		if len(scaled) > 0 {
			t.Errorf("what is scaled is not there: %v", scaled)
		}
	})
}

// TestScaledObjectsAskForTheRightLag: groups and topics are named as the stages name
// theirs, in internal/kafka/name.go.
func TestScaledObjectsAskForTheRightLag(t *testing.T) {
	for name, test := range map[string]struct{ values, processor, sink string }{
		"by default":      {"", "callfold-processor of aircall.events", "callfold-sink of aircall.calls"},
		"prefixes":        {"settings: {kafka: {group_prefix: blue-, topic_prefix: blue.}}", "blue-callfold-processor of blue.events", "blue-callfold-sink of blue.calls"},
		"no prefix":       {`settings: {kafka: {topic_prefix: ""}}`, "callfold-processor of events", "callfold-sink of calls"},
		"the dry run":     {"settings: {sink: {dry_run: true}}", "callfold-processor of aircall.events", "callfold-sink-dryrun of aircall.calls"},
		"calls made anew": {"settings: {kafka: {calls_prefix: blue.}}", "callfold-processor of aircall.events", "callfold-sink of blue.calls"},
		"another log":     {"settings: {kafka: {events_prefix: green., calls_prefix: green.}}", "callfold-processor of green.events", "callfold-sink of green.calls"},
		"prefixes that are empty": {
			`settings: {kafka: {events_prefix: "", calls_prefix: ""}}`, "callfold-processor of aircall.events", "callfold-sink of aircall.calls",
		},
	} {
		t.Run(name, func(t *testing.T) {
			values := minimal(t, test.values)
			for _, stage := range []string{"processor", "sink"} {
				values[stage] = map[string]any{"autoscaling": map[string]any{"enabled": true}}
			}
			asks := map[string]string{}
			for _, o := range objectsOf(t, values) {
				if o.kind != "ScaledObject" {
					continue
				}
				metadata := o.raw["spec"].(map[string]any)["triggers"].([]any)[0].(map[string]any)["metadata"].(map[string]any)
				asks[o.component()] = fmt.Sprintf("%v of %v", metadata["consumerGroup"], metadata["topic"])
			}
			if want := map[string]string{"processor": test.processor, "sink": test.sink}; !maps.Equal(asks, want) {
				t.Errorf("KEDA asks for the lag of %v, wanted %v", asks, want)
			}
		})
	}
}

// TestRoutes wants Ingress and HTTPRoute to lead to the port of the webhook, by its path
// and no other.
func TestRoutes(t *testing.T) {
	objects := objectsOf(t, readValues(t, chartDir+"/ci/everything-values.yaml"))
	var service *corev1.Service
	for _, s := range ofType[*corev1.Service](objects) {
		if s.Name == "calls-ingest" {
			service = s
		}
	}
	if service == nil || len(service.Spec.Ports) != 1 || service.Spec.Ports[0].Name != "webhook" || service.Spec.Ports[0].Port != 8080 {
		t.Fatalf("the Service of the webhook is %v", service)
	}
	ingress := ofType[*networkingv1.Ingress](objects)[0].Spec.Rules[0].HTTP.Paths
	if len(ingress) != 1 || ingress[0].Path != "/webhooks/aircall" || *ingress[0].PathType != networkingv1.PathTypeExact ||
		ingress[0].Backend.Service.Name != service.Name || ingress[0].Backend.Service.Port.Name != "webhook" {
		t.Errorf("the Ingress leads %+v", ingress)
	}
	route := ofType[*gatewayv1.HTTPRoute](objects)[0].Spec.Rules
	if len(route) != 1 || len(route[0].Matches) != 1 || *route[0].Matches[0].Path.Value != "/webhooks/aircall" ||
		string(route[0].BackendRefs[0].Name) != service.Name || *route[0].BackendRefs[0].Port != 8080 {
		t.Errorf("the HTTPRoute leads %+v", route)
	}
}

// TestNamesFit: with the longest name everything is still called what Kubernetes and KEDA
// take. They put further text behind the names of StatefulSets (the hash of a label) and
// before those of ScaledObjects.
func TestNamesFit(t *testing.T) {
	values := readValues(t, chartDir+"/ci/everything-values.yaml")
	values["fullnameOverride"] = strings.Repeat("callfold", 8)
	room := map[string]int{"StatefulSet": len("-0123456789"), "ScaledObject": len("keda-hpa-"), "Job": len("-01234")}
	for _, o := range objectsOf(t, values) {
		if most := 63 - room[o.kind]; len(o.meta.Name) > most {
			t.Errorf("%s: its name has %d letters, and may have %d", o, len(o.meta.Name), most)
		}
	}
}

// TestHooks wants what is there before the release to need nothing of it.
func TestHooks(t *testing.T) {
	eachValues(t, func(t *testing.T, _ string, values chartutil.Values) {
		objects := objectsOf(t, values)
		before := map[string]bool{}
		for _, o := range objects {
			if strings.Contains(o.meta.Annotations["helm.sh/hook"], "pre-install") {
				before[o.String()] = true
				if o.meta.Annotations["helm.sh/hook"] != "pre-install,pre-upgrade" {
					t.Errorf("%s is made at %s", o, o.meta.Annotations["helm.sh/hook"])
				}
			}
		}
		for _, p := range podsOf(objects) {
			if !before[p.owner.String()] {
				continue
			}
			for _, v := range p.spec.Volumes {
				if v.ConfigMap != nil && !before["ConfigMap "+v.ConfigMap.Name] && (v.ConfigMap.Optional == nil || !*v.ConfigMap.Optional) {
					t.Errorf("%s: waits for %s, which is not there yet or misses", p.owner, v.ConfigMap.Name)
				}
				if v.Projected != nil {
					for _, source := range v.Projected.Sources {
						if source.Secret.Optional == nil || !*source.Secret.Optional {
							t.Errorf("%s: waits for the Secret %s instead of saying that it misses it", p.owner, source.Secret.Name)
						}
					}
				}
			}
			if len(p.containers()) != 1 || len(p.spec.InitContainers) > 0 || p.owner.meta.Annotations["helm.sh/hook-output-log-policy"] != "hook-failed" {
				t.Errorf("%s: helm does not print why it failed", p.owner)
			}
			if slices.ContainsFunc(objects, func(o object) bool { return o.String() == "ServiceAccount "+p.spec.ServiceAccountName }) {
				t.Errorf("%s: the service account %s is not there yet", p.owner, p.spec.ServiceAccountName)
			}
		}
		if len(before) == 0 {
			t.Error("there is no hook")
		}
		for _, o := range objects {
			if before["ConfigMap "+o.meta.Name] && o.kind == "ConfigMap" {
				for _, other := range ofType[*corev1.ConfigMap](objects) {
					if other.Labels["app.kubernetes.io/component"] == "settings" && other.Data["callfold.yaml"] != o.typed.(*corev1.ConfigMap).Data["callfold.yaml"] {
						t.Errorf("%s checks other settings than those of %s", o, other.Name)
					}
				}
			}
		}
	})
}
