package chart

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"helm.sh/helm/v3/pkg/chartutil"
)

// eachPod runs a test with each pod of each of the values.
func eachPod(t *testing.T, test func(t *testing.T, p pod)) {
	t.Helper()
	eachValues(t, func(t *testing.T, _ string, values chartutil.Values) {
		pods := podsOf(objectsOf(t, values))
		if len(pods) < 5 {
			t.Fatalf("only %d pods", len(pods))
		}
		for _, p := range pods {
			t.Run(p.owner.meta.Name, func(t *testing.T) { test(t, p) })
		}
	})
}

// TestRestrictedPodSecurity has Kubernetes' own evaluation judge each pod by the
// restricted profile of the newest version.
func TestRestrictedPodSecurity(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	eachPod(t, func(t *testing.T, p pod) {
		result := policy.AggregateCheckResults(evaluator.EvaluatePod(level, &p.meta, &p.spec))
		if !result.Allowed {
			t.Errorf("not restricted: %s", result.ForbiddenDetail())
		}
	})
	t.Run("a pod without a security context is refused", func(t *testing.T) {
		bare := corev1.PodSpec{Containers: []corev1.Container{{Name: "bare"}}}
		if policy.AggregateCheckResults(evaluator.EvaluatePod(level, &metav1.ObjectMeta{}, &bare)).Allowed {
			t.Error("it was allowed")
		}
	})
}

// TestPodsGiveNothingAway is what the restricted profile does not ask for.
func TestPodsGiveNothingAway(t *testing.T) {
	eachPod(t, func(t *testing.T, p pod) {
		if mounted := p.spec.AutomountServiceAccountToken; mounted == nil || *mounted {
			t.Error("the token of the service account is mounted")
		}
		if links := p.spec.EnableServiceLinks; links == nil || *links {
			t.Error("service links are on: they set CALLFOLD_… variables")
		}
		for _, c := range p.containers() {
			if c.SecurityContext.ReadOnlyRootFilesystem == nil || !*c.SecurityContext.ReadOnlyRootFilesystem {
				t.Errorf("%s: the root file system can be written to", c.Name)
			}
			for _, e := range c.Env {
				if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil {
					t.Errorf("%s: %s is a secret in the environment", c.Name, e.Name)
				}
			}
			if len(c.EnvFrom) > 0 {
				t.Errorf("%s: has an environment from elsewhere", c.Name)
			}
			if strings.HasSuffix(c.Image, ":latest") || !strings.ContainsAny(c.Image[strings.LastIndex(c.Image, "/"):], ":@") {
				t.Errorf("%s: the image %s has no version", c.Name, c.Image)
			}
			if len(c.Command) > 0 {
				t.Errorf("%s: has a command; the entry point is the image's", c.Name)
			}
		}
	})
}

// TestPodsAreBounded wants requests, a limit of memory, and volumes with a size.
func TestPodsAreBounded(t *testing.T) {
	eachPod(t, func(t *testing.T, p pod) {
		for _, c := range p.containers() {
			for _, resource := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
				if request := c.Resources.Requests[resource]; request.IsZero() {
					t.Errorf("%s: requests no %s", c.Name, resource)
				}
			}
			limit := c.Resources.Limits[corev1.ResourceMemory]
			if limit.IsZero() {
				t.Errorf("%s: has no limit of memory", c.Name)
			}
			if !slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == "GOMEMLIMIT" }) {
				t.Errorf("%s: Go does not know its limit of memory", c.Name)
			}
		}
		for _, v := range p.spec.Volumes {
			if v.EmptyDir != nil && v.EmptyDir.SizeLimit == nil {
				t.Errorf("the volume %s has no size", v.Name)
			}
		}
	})
}

// TestOwnVariables: who sets a variable that the chart sets too has his own, and no second.
func TestOwnVariables(t *testing.T) {
	own := []corev1.EnvVar{{Name: "SSL_CERT_DIR", Value: "/etc/ssl/own"}, {Name: "GOMEMLIMIT", Value: "700MiB"}}
	for _, p := range podsOf(objectsOf(t, minimal(t, "trustedCAs: {existingConfigMap: a}\n"+
		"sink: {extraEnv: [{name: SSL_CERT_DIR, value: /etc/ssl/own}, {name: GOMEMLIMIT, value: 700MiB}]}"))) {
		if p.owner.component() == "sink" {
			if env := p.spec.Containers[0].Env; !slices.Equal(env, own) {
				t.Errorf("%s: its environment is %v", p.owner, env)
			}
			return
		}
	}
	t.Error("there is no sink")
}

// TestVolumesAreThere wants a volume for each mount, a mount for each volume, and what
// is written to on something that can be written to.
func TestVolumesAreThere(t *testing.T) {
	eachPod(t, func(t *testing.T, p pod) {
		unused := map[string]bool{}
		for _, v := range p.spec.Volumes {
			if _, twice := unused[v.Name]; twice {
				t.Errorf("the volume %s is there twice", v.Name)
			}
			unused[v.Name] = true
		}
		for _, c := range p.claims {
			unused[c.Name] = true
		}
		for _, c := range p.containers() {
			for _, m := range c.VolumeMounts {
				if _, there := unused[m.Name]; !there {
					t.Errorf("%s mounts %s, which is not there", c.Name, m.Name)
				}
				unused[m.Name] = false
			}
		}
		for name, is := range unused {
			if is {
				t.Errorf("nothing mounts the volume %s", name)
			}
		}
	})
}

// stopsWithin is how long each stage may take to stop, in seconds, by docs/architecture.md
// and docs/ingest.md: answers or a batch, the transaction, leaving, and a disk that is full.
var stopsWithin = map[string]int64{"ingest": 4 + 5, "processor": 5 + 10 + 2 + 10, "sink": 20 + 10 + 2 + 10}

// TestRunningPods is what those need that run for ever: probes of the right paths, time
// to stop, a spread, and a restart when the settings change.
func TestRunningPods(t *testing.T) {
	eachValues(t, func(t *testing.T, name string, values chartutil.Values) {
		running := 0
		for _, p := range podsOf(objectsOf(t, values)) {
			if !p.runs() {
				continue
			}
			running++
			c := p.spec.Containers[0]
			for what, probe := range map[string]struct {
				is   *corev1.Probe
				path string
			}{"startup": {c.StartupProbe, "/healthz"}, "liveness": {c.LivenessProbe, "/healthz"}, "readiness": {c.ReadinessProbe, "/readyz"}} {
				switch {
				case probe.is == nil || probe.is.HTTPGet == nil:
					t.Errorf("%s: no %s probe", p.owner, what)
				case probe.is.HTTPGet.Path != probe.path || probe.is.HTTPGet.Port.String() != "admin":
					t.Errorf("%s: the %s probe asks %s of %s", p.owner, what, probe.is.HTTPGet.Path, probe.is.HTTPGet.Port.String())
				}
			}
			var preStop int64
			if c.Lifecycle != nil {
				preStop = c.Lifecycle.PreStop.Sleep.Seconds
			}
			if grace := *p.spec.TerminationGracePeriodSeconds; grace <= stopsWithin[p.owner.component()]+preStop {
				t.Errorf("%s: has %d s to stop, and may need %d", p.owner, grace, stopsWithin[p.owner.component()]+preStop)
			}
			if p.owner.component() == "ingest" && preStop == 0 {
				t.Errorf("%s: stops before nothing sends it webhooks any more", p.owner)
			}
			if p.meta.Annotations["checksum/settings"] == "" {
				t.Errorf("%s: does not restart when the settings change", p.owner)
			}
			if name != "ci-deployment" && len(p.spec.TopologySpreadConstraints) == 0 {
				t.Errorf("%s: its pods need not spread", p.owner)
			}
			for _, spread := range p.spec.TopologySpreadConstraints {
				if !selects(t, spread.LabelSelector, p.meta.Labels) {
					t.Errorf("%s: the spread over %s is of other pods", p.owner, spread.TopologyKey)
				}
			}
			if !selects(t, p.selector, p.meta.Labels) {
				t.Errorf("%s: does not select its own pods", p.owner)
			}
		}
		if running < 3 {
			t.Errorf("only %d workloads", running)
		}
	})
}

// selects tells whether a selector selects labels; one that selects everything does not
// count.
func selects(t testing.TB, selector *metav1.LabelSelector, of map[string]string) bool {
	t.Helper()
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	return !s.Empty() && s.Matches(labels.Set(of))
}

// TestSecretsAreFiles wants each pod to have the secrets that it needs, and no others.
func TestSecretsAreFiles(t *testing.T) {
	kafka := []string{"kafka-ca.crt", "kafka-client.crt", "kafka-client.key", "kafka-password"}
	with := func(more ...string) []string { return append(slices.Clone(kafka), more...) }
	wanted := map[string][]string{
		"ingest":    with("webhook-tokens"),
		"processor": with(),
		"sink":      with("salesforce"),
		"backfill":  with("aircall-api-token"),
		"canary":    with("webhook-tokens"),
		"setup":     with("aircall-api-token", "salesforce", "webhook-tokens"),
		"doctor":    with("aircall-api-token", "salesforce", "webhook-tokens"),
	}
	everything := readValues(t, chartDir+"/ci/everything-values.yaml")
	for _, p := range podsOf(objectsOf(t, everything)) {
		var is []string
		for _, v := range p.spec.Volumes {
			if v.Secret != nil {
				t.Errorf("%s: the volume %s is one whole Secret", p.owner, v.Name)
			}
			if v.Projected == nil {
				continue
			}
			if mode := *v.Projected.DefaultMode; mode&0o007 != 0 {
				t.Errorf("%s: everybody may read %s: %o", p.owner, v.Name, mode)
			}
			for _, source := range v.Projected.Sources {
				for _, item := range source.Secret.Items {
					is = append(is, item.Path)
				}
			}
		}
		slices.Sort(is)
		if want := wanted[p.owner.component()]; !slices.Equal(slices.Sorted(slices.Values(want)), is) {
			t.Errorf("%s: has the secrets %v, wanted %v", p.owner, is, want)
		}
	}
}
