package chart

import (
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"helm.sh/helm/v3/pkg/chartutil"
)

// reach is what network policies let a pod do: ports it may call and ports it may be
// called on, with UDP said.
func reach(t testing.TB, policies []*networkingv1.NetworkPolicy, p pod) (denied bool, out, in []string) {
	t.Helper()
	for _, policy := range policies {
		if !selects(t, &policy.Spec.PodSelector, p.meta.Labels) {
			continue
		}
		for _, rule := range policy.Spec.Egress {
			out = append(out, ports(rule.Ports)...)
		}
		for _, rule := range policy.Spec.Ingress {
			in = append(in, ports(rule.Ports)...)
		}
		denied = denied || slices.Equal(policy.Spec.PolicyTypes, []networkingv1.PolicyType{"Ingress", "Egress"}) &&
			len(policy.Spec.Egress) == 0 && len(policy.Spec.Ingress) == 0
	}
	slices.Sort(out)
	slices.Sort(in)
	return denied, slices.Compact(out), slices.Compact(in)
}

// ports are those of a rule; a rule without any would be every port.
func ports(of []networkingv1.NetworkPolicyPort) []string {
	if len(of) == 0 {
		return []string{"every port"}
	}
	var all []string
	for _, port := range of {
		name := port.Port.String()
		if port.Protocol != nil && *port.Protocol == corev1.ProtocolUDP {
			name += "/UDP"
		}
		all = append(all, name)
	}
	return all
}

// TestNetworkPolicies wants each pod to reach what it needs and nothing else.
func TestNetworkPolicies(t *testing.T) {
	objects := objectsOf(t, readValues(t, chartDir+"/ci/everything-values.yaml"))
	policies := ofType[*networkingv1.NetworkPolicy](objects)
	kafka := []string{"53", "53/UDP", "9093", "9094", "9095"}
	with := func(more ...string) []string {
		return slices.Sorted(slices.Values(append(slices.Clone(kafka), more...)))
	}
	wanted := map[string]struct{ out, in []string }{
		"ingest":    {kafka, []string{"admin", "webhook"}},
		"processor": {kafka, []string{"admin"}},
		"sink":      {with("443"), []string{"admin"}},
		"backfill":  {with("3128"), []string{"admin"}},
		"canary":    {with("webhook"), []string{"admin"}},
		"setup":     {kafka, []string{"admin"}},
		"doctor":    {with("443", "3128"), []string{"admin"}},
	}
	for _, p := range podsOf(objects) {
		denied, out, in := reach(t, policies, p)
		want := wanted[p.owner.component()]
		if !denied {
			t.Errorf("%s: what is not allowed is not denied", p.owner)
		}
		if !slices.Equal(out, want.out) {
			t.Errorf("%s may call %v, wanted %v", p.owner, out, want.out)
		}
		if !slices.Equal(in, want.in) {
			t.Errorf("%s may be called on %v, wanted %v", p.owner, in, want.in)
		}
	}
}

// TestSetupReachesKafka: before an installation only what is a hook itself is there.
func TestSetupReachesKafka(t *testing.T) {
	objects := objectsOf(t, minimal(t, ""))
	for _, p := range podsOf(objects) {
		if p.owner.component() != "setup" {
			continue
		}
		var hooks []*networkingv1.NetworkPolicy
		for _, policy := range ofType[*networkingv1.NetworkPolicy](objects) {
			if policy.Annotations["helm.sh/hook"] != "" {
				hooks = append(hooks, policy)
			}
		}
		if _, out, _ := reach(t, hooks, p); !slices.Equal(out, []string{"53", "53/UDP", "9092"}) {
			t.Errorf("%s may call %v", p.owner, out)
		}
		return
	}
	t.Error("there is no setup")
}

// TestPoliciesSelectSomething: a policy for pods that are not there is a misspelt one,
// but for those of components that are switched off.
func TestPoliciesSelectSomething(t *testing.T) {
	eachValues(t, func(t *testing.T, _ string, values chartutil.Values) {
		objects := objectsOf(t, values)
		for _, policy := range ofType[*networkingv1.NetworkPolicy](objects) {
			if !slices.ContainsFunc(podsOf(objects), func(p pod) bool { return selects(t, &policy.Spec.PodSelector, p.meta.Labels) }) {
				t.Errorf("%s selects no pod", policy.Name)
			}
			for _, expression := range policy.Spec.PodSelector.MatchExpressions {
				for _, component := range expression.Values {
					if !slices.Contains([]string{"sink", "doctor", "backfill"}, component) {
						t.Errorf("%s is for %s, which nothing is called", policy.Name, component)
					}
				}
			}
		}
	})
}

// TestPeers wants the peers of the values in the policies, and the canary let in where
// webhooks are from somewhere only.
func TestPeers(t *testing.T) {
	objects := objectsOf(t, readValues(t, chartDir+"/ci/everything-values.yaml"))
	found := map[string]string{}
	for _, policy := range ofType[*networkingv1.NetworkPolicy](objects) {
		for _, rule := range policy.Spec.Ingress {
			found[strings.Join(ports(rule.Ports), " ")] += peers(rule.From)
		}
		for _, rule := range policy.Spec.Egress {
			if policy.Annotations["helm.sh/hook"] == "" {
				found[strings.Join(ports(rule.Ports), " ")] += peers(rule.To)
			}
		}
	}
	want := map[string]string{
		"53/UDP 53":      "[kube-system][169.254.20.10/32]",
		"9095 9093 9094": "[kafka]",
		"admin":          "[monitoring]",
		"443":            "", // everybody
		"3128":           "",
		"webhook":        "[ingress][pod canary][pod ingest]",
	}
	for _, port := range slices.Sorted(maps.Keys(want)) {
		if found[port] != want[port] {
			t.Errorf("port %s: %s, wanted %s", port, found[port], want[port])
		}
		delete(found, port)
	}
	if len(found) > 0 {
		t.Errorf("further rules: %v", found)
	}
}

func peers(of []networkingv1.NetworkPolicyPeer) string {
	var all strings.Builder
	for _, p := range of {
		switch {
		case p.IPBlock != nil:
			all.WriteString("[" + p.IPBlock.CIDR + "]")
		case p.NamespaceSelector != nil:
			all.WriteString("[" + p.NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"] + "]")
		default:
			all.WriteString("[pod " + p.PodSelector.MatchLabels["app.kubernetes.io/component"] + "]")
		}
	}
	return all.String()
}

// TestPortsOfBrokers: they are read from the addresses, with IPv6 too.
func TestPortsOfBrokers(t *testing.T) {
	values := minimal(t, `settings: {kafka: {brokers: ["a:1", "b:2", "c:1", "[2001:db8::1]:3"]}}`)
	for _, policy := range ofType[*networkingv1.NetworkPolicy](objectsOf(t, values)) {
		if policy.Name != "callfold-common" {
			continue
		}
		var is []int
		for _, port := range policy.Spec.Egress[1].Ports {
			if port.Port.Type != intstr.Int {
				t.Errorf("the port %v is a name", port.Port)
			}
			is = append(is, port.Port.IntValue())
		}
		if !slices.Equal(is, []int{1, 2, 3}) {
			t.Errorf("the ports are %v", is)
		}
	}
}
