package chart

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
)

// unchangeable is what an API server refuses to change of workloads. Here it is written
// down once and for all: an upgrade that changed it would fail in every installation.
const unchangeable = `
Deployment callfold-backfill:
  selector: {app.kubernetes.io/component: backfill, app.kubernetes.io/instance: callfold, app.kubernetes.io/name: callfold}
Deployment callfold-canary:
  selector: {app.kubernetes.io/component: canary, app.kubernetes.io/instance: callfold, app.kubernetes.io/name: callfold}
StatefulSet callfold-ingest:
  selector: {app.kubernetes.io/component: ingest, app.kubernetes.io/instance: callfold, app.kubernetes.io/name: callfold}
  serviceName: callfold-ingest-pods
  podManagementPolicy: Parallel
  claim: {name: state, size: 2Gi, labels: {app.kubernetes.io/component: ingest, app.kubernetes.io/instance: callfold, app.kubernetes.io/name: callfold}}
StatefulSet callfold-processor:
  selector: {app.kubernetes.io/component: processor, app.kubernetes.io/instance: callfold, app.kubernetes.io/name: callfold}
  serviceName: callfold-processor-pods
  podManagementPolicy: Parallel
  claim: {name: state, size: 10Gi, labels: {app.kubernetes.io/component: processor, app.kubernetes.io/instance: callfold, app.kubernetes.io/name: callfold}}
StatefulSet callfold-sink:
  selector: {app.kubernetes.io/component: sink, app.kubernetes.io/instance: callfold, app.kubernetes.io/name: callfold}
  serviceName: callfold-sink-pods
  podManagementPolicy: Parallel
  claim: {name: state, size: 10Gi, labels: {app.kubernetes.io/component: sink, app.kubernetes.io/instance: callfold, app.kubernetes.io/name: callfold}}
`

// workload is the part of a workload that cannot be changed.
type workload struct {
	Selector            map[string]string `json:"selector"`
	ServiceName         string            `json:"serviceName,omitempty"`
	PodManagementPolicy string            `json:"podManagementPolicy,omitempty"`
	Claim               *claim            `json:"claim,omitempty"`
}

type claim struct {
	Name   string            `json:"name"`
	Size   string            `json:"size"`
	Labels map[string]string `json:"labels"`
}

// TestUpgradesKeepWhatCannotChange renders the chart as it would be in later versions and
// with other values, and wants the same workloads, to be upgraded in place.
func TestUpgradesKeepWhatCannotChange(t *testing.T) {
	all := `
settings: {aircall: {api_id: example}}
secrets: {aircallAPI: {existingSecret: a}}
backfill: {enabled: true}
canary: {enabled: true}
`
	for name, test := range map[string]struct {
		values string
		change func(*chart.Metadata)
	}{
		"as it is":               {"", func(*chart.Metadata) {}},
		"a later chart":          {"", func(m *chart.Metadata) { m.Version = "9.9.9" }},
		"a later program":        {"", func(m *chart.Metadata) { m.AppVersion = "9.9.9" }},
		"common and pod labels":  {"commonLabels: {team: a}\nsink: {podLabels: {b: c}, annotations: {d: e}}", func(*chart.Metadata) {}},
		"more pods, scaled":      {"processor: {replicas: 5}\nsink: {autoscaling: {enabled: true}}", func(*chart.Metadata) {}},
		"other resources, image": {"image: {tag: 9.9.9}\nsink: {resources: {requests: {cpu: 1}}}", func(*chart.Metadata) {}},
	} {
		t.Run(name, func(t *testing.T) {
			c := loadChart(t)
			test.change(c.Metadata)
			over, err := chartutil.ReadValues([]byte(all))
			if err != nil {
				t.Fatal(err)
			}
			texts, err := render(c, chartutil.CoalesceTables(over, minimal(t, test.values)))
			if err != nil {
				t.Fatal(err)
			}
			is := map[string]workload{}
			for _, o := range decode(t, texts) {
				switch of := o.typed.(type) {
				case *appsv1.Deployment:
					is[o.String()] = workload{Selector: of.Spec.Selector.MatchLabels}
				case *appsv1.StatefulSet:
					template := of.Spec.VolumeClaimTemplates[0]
					is[o.String()] = workload{
						Selector: of.Spec.Selector.MatchLabels, ServiceName: of.Spec.ServiceName, PodManagementPolicy: string(of.Spec.PodManagementPolicy),
						Claim: &claim{Name: template.Name, Size: template.Spec.Resources.Requests.Storage().String(), Labels: template.Labels},
					}
				}
			}
			got, err := yaml.Marshal(is)
			if err != nil {
				t.Fatal(err)
			}
			want, err := yaml.YAMLToJSON([]byte(unchangeable))
			if err != nil {
				t.Fatal(err)
			}
			pretty, err := yaml.JSONToYAML(want)
			if err != nil {
				t.Fatal(err)
			}
			if line, wanted, is := firstDifference(string(pretty), string(got)); line > 0 {
				t.Errorf("line %d: %s, and cannot become: %s", line, wanted, is)
			}
		})
	}
}
